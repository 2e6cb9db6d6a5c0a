import { sizeText } from '../base/units.ts';
import { optionsMistake } from '../image/reader.ts';
import type { ParsedConfig } from './config.ts';
import { completeImages } from './images.ts';
import { type Finding, finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';
import { suggest } from './suggest.ts';

/** Rules about variants of images: between the options of a route, and with the routes that originals come through. */

type Images = NonNullable<ParsedConfig['routes'][number]['images']>;

/** Fewer bytes of a key could be tried out. */
const KEY_BYTES_MIN = 16;

/** What the making of variants, and the routes that have them, must not be together with. */
export function checkImages(checked: Checked): Finding[] {
  const { config, routeAt, said } = checked;
  const findings: Finding[] = [];
  const { queue, maxInputBytes } = config.images;
  if (queue.sizeBytes < maxInputBytes) {
    const [at, other]: Path[] = [
      ['images', 'queue', 'size'],
      ['images', 'maxInput'],
    ];
    const reason = `an original of maxInput (${sizeText(maxInputBytes)}) never finds room in ${sizeText(queue.sizeBytes)}`;
    const remedy = 'raise queue.size to maxInput at least, or lower maxInput';
    findings.push(finding('error', said(at!) ? at! : other!, [at!, other!], reason, remedy));
  }
  if (said(['images']) && config.routes.every(({ images }) => images === undefined)) {
    const reason = 'these settings have no effect: no route has images';
    const found = finding(
      'warning',
      ['images'],
      [['routes']],
      reason,
      'add images to a route, or remove them',
    );
    findings.push({ ...found, at: 'key' });
  }
  for (const [index, route] of config.routes.entries()) {
    if (route.images === undefined) continue;
    const path: Path = ['routes', routeAt[index]!, 'images'];
    findings.push(
      ...checkOriginals(path, route, checked),
      ...checkFormats(path, route.images),
      ...checkSizes(path, route.images),
      ...checkChoices(path, route.images, said),
      ...checkTexts(path, route),
      ...checkKeys(path, route.images),
    );
  }
  return findings;
}

/** Where originals come from: a route that stores them, and has them from its own origin. */
function checkOriginals(
  path: Path,
  route: ParsedConfig['routes'][number],
  { config, routeAt }: Checked,
): Finding[] {
  const name = route.images?.originals ?? route.name;
  const at = [...path, 'originals'];
  const index = config.routes.findIndex((other) => other.name === name);
  const source = config.routes[index];
  if (source === undefined) {
    const names = config.routes.map((other) => other.name);
    const near = suggest(name, names);
    const remedy = near === undefined ? `defined are: ${names.join(', ')}` : `did you mean "${near}"?`;
    return [finding('error', at, [['routes']], `there is no route "${name}"`, remedy)];
  }
  const related: Path[] = [['routes', routeAt[index]!]];
  const further = source.images?.originals ?? name;
  if (further !== name) {
    const reason = `"${name}" has no originals of its own: it takes them from "${further}"`;
    return [finding('error', at, related, reason, `name "${further}" itself`)];
  }
  if (source.images?.signing?.required === true && route.images?.signing?.required !== true) {
    const reason = `addresses of "${name}" have to be signed, and those of this route have not: its images would be open`;
    return [finding('error', at, related, reason, 'add signing here too, or name a route without it')];
  }
  if (source === route && route.images !== undefined) {
    const { grammar, signing } = route.images;
    if (grammar !== 'imgix' && signing?.required !== true) {
      const reason = `addresses of the grammar ${grammar} name their source, and can name any path of the origin "${route.origin}"`;
      const remedy =
        'say with originals which route serves the images, and its match.paths are the bound; or sign addresses';
      return [finding('warning', path, [[...path, 'grammar']], reason, remedy)];
    }
  }
  if (source.cache) return [];
  const whose = source === route ? 'this route' : `"${name}"`;
  const reason = `${whose} has cache: false, so that each variant would fetch its original anew`;
  const where = source === route ? path : at;
  return [finding('error', where, related, reason, 'let originals be cached: set cache: true there')];
}

function checkFormats(path: Path, { formats, provisional }: Images): Finding[] {
  const findings: Finding[] = [];
  const at = [...path, 'formats'];
  if (!formats.includes('jpeg') && !formats.includes('png')) {
    const reason = 'nothing in the list is shown by every browser';
    findings.push(finding('error', at, [], reason, 'add jpeg or png: it is what the others get'));
  }
  if (provisional.length > 0 && !formats.includes('avif')) {
    const reason = 'nothing stands in for avif here: it is not among the formats';
    const where = [...path, 'provisional'];
    findings.push(finding('error', where, [at], reason, 'add avif to formats, or remove it here'));
  }
  if (provisional.length > 0 && formats.includes('avif') && !formats.includes('webp')) {
    const reason = 'what stands in for avif is webp, and that is not among the formats';
    findings.push(
      finding('error', [...path, 'provisional'], [at], reason, 'add webp to formats, or remove it here'),
    );
  }
  return findings;
}

function checkSizes(path: Path, images: Images): Finding[] {
  const findings: Finding[] = [];
  const { widths, maxSide, minQuality, maxQuality, quality } = images;
  for (const [index, width] of widths.entries()) {
    const at = [...path, 'widths', index];
    if (widths.indexOf(width) !== index)
      findings.push(finding('error', at, [], `${width} is listed twice`, 'keep one of them'));
    else if (width > maxSide) {
      const reason = `${width} is above maxSide (${maxSide})`;
      findings.push(
        finding('error', at, [[...path, 'maxSide']], reason, 'raise maxSide, or remove the width'),
      );
    }
  }
  const [least, most] = [
    [...path, 'minQuality'],
    [...path, 'maxQuality'],
  ];
  if (minQuality > maxQuality) {
    const reason = `minQuality (${minQuality}) is above maxQuality (${maxQuality})`;
    findings.push(finding('error', least, [most], reason, 'lower it, or raise maxQuality'));
  } else if (quality !== 'auto' && (quality < minQuality || quality > maxQuality)) {
    const reason = `${quality} is not between minQuality (${minQuality}) and maxQuality (${maxQuality})`;
    findings.push(
      finding('error', [...path, 'quality'], [least, most], reason, 'choose one in between, or move them'),
    );
  }
  return findings;
}

/** Options that leave nothing to ask for, or nothing of others. */
function checkChoices(path: Path, images: Images, said: Checked['said']): Finding[] {
  const findings: Finding[] = [];
  const { grammar, presets, presetsOnly, widths, overlays, operations, hints } = images;
  const isForeign = grammar === 'cloudflare' || grammar === 'next';
  if (presetsOnly && Object.keys(presets).length === 0) {
    const reason = 'nothing can be asked for: there is no preset';
    findings.push(
      finding('error', [...path, 'presetsOnly'], [[...path, 'presets']], reason, 'add presets, or remove it'),
    );
  } else if (isForeign && (presetsOnly || Object.keys(presets).length > 0)) {
    const at = [...path, presetsOnly ? 'presetsOnly' : 'presets'];
    const reason = `addresses of the grammar ${grammar} cannot name presets`;
    const related = [[...path, 'grammar']];
    findings.push(finding('error', at, related, reason, 'use imgix or imgproxy, or remove it'));
  }
  const idle = (key: string, other: string, reason: string, remedy: string): void => {
    if (!said([...path, key])) return;
    const found = finding('warning', [...path, key], [[...path, other]], reason, remedy);
    findings.push({ ...found, at: 'key' });
  };
  if (widths.length === 0)
    idle('otherWidths', 'widths', 'otherWidths has no effect: every width is allowed', 'add widths');
  if (overlays.length > 0 && !operations.includes('overlay'))
    idle('overlays', 'operations', 'overlays has no effect: operations has no overlay', 'add it there');
  if (overlays.length > 0 && isForeign)
    idle('overlays', 'grammar', `addresses of the grammar ${grammar} cannot name overlays`, 'remove it');
  if (grammar === 'next' && hints.length > 0)
    idle('hints', 'grammar', 'addresses of the grammar next say the width and the quality', 'remove it');
  return findings;
}

/** Defaults and presets are judged by who will read them. */
function checkTexts(path: Path, route: ParsedConfig['routes'][number]): Finding[] {
  const images = completeImages(route, 'none');
  if (images === undefined) return [];
  const { rules } = images;
  const texts: [Path, string][] = Object.entries(rules.presets).map(([name, text]) => [
    [...path, 'presets', name],
    text,
  ]);
  if (rules.defaults !== '') texts.push([[...path, 'defaults'], rules.defaults]);
  const related = ['formats', 'operations', 'overlays', 'minQuality', 'maxQuality'].map((key) => [
    ...path,
    key,
  ]);
  return texts.flatMap(([at, text]) => {
    const why = optionsMistake(text, rules);
    if (why === undefined) return [];
    const reason = why.replace(/\.$/, '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
    const remedy = 'write options of the grammar imgix that this route allows, such as w=400&fit=crop';
    return [finding('error', at, related, reason, remedy)];
  });
}

/** Keys must be too long to be tried out. Nothing of them is in a message. */
function checkKeys(path: Path, { signing, grammar }: Images): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { key, salt }] of (signing?.keys ?? []).entries()) {
    const at = [...path, 'signing', 'keys', index];
    const related = [[...path, 'grammar']];
    const isHex = grammar === 'imgproxy';
    const remedy = 'use a longer one, such as the output of: openssl rand -hex 32';
    const written = 'use the output of: openssl rand -hex 32';
    if (isHex && !isHexadecimal(key)) {
      const reason = 'a key of imgproxy is an even number of hexadecimal digits';
      findings.push(finding('error', [...at, 'key'], related, reason, written));
    } else if ((isHex ? key.length / 2 : key.length) < KEY_BYTES_MIN) {
      const reason = `the key has fewer than ${KEY_BYTES_MIN} bytes: it could be found by trying`;
      findings.push(finding('error', [...at, 'key'], related, reason, remedy));
    }
    if (salt === undefined) continue;
    if (!isHex) {
      const reason = `signatures of the grammar ${grammar} have no salt`;
      findings.push(finding('error', [...at, 'salt'], related, reason, 'remove it'));
    } else if (!isHexadecimal(salt)) {
      const reason = 'a salt of imgproxy is an even number of hexadecimal digits';
      findings.push(finding('error', [...at, 'salt'], related, reason, 'write it in hexadecimal'));
    }
  }
  return findings;
}

function isHexadecimal(text: string): boolean {
  return /^(?:[0-9a-fA-F]{2})+$/.test(text);
}
