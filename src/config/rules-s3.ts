import type { S3OriginConfig } from './config.ts';
import type { Finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';
import { addressingOf, endpointOf } from './s3.ts';

type Found = Pick<Finding, 'severity' | 'path' | 'reason' | 'remedy'> & {
  readonly related?: readonly Path[];
};

/** What the options of an S3 origin must not be together. */
export function checkS3Origin(
  path: Path,
  origin: S3OriginConfig,
  { said, config, routeAt }: Checked,
): Finding[] {
  const at = (...steps: string[]): Path => [...path, ...steps];
  const found = [...checkPlace(at, origin), ...checkCredentials(at, origin, said)];
  for (const [index, route] of config.routes.entries()) {
    if (
      config.origins[route.origin] !== origin ||
      route.key.query === undefined ||
      route.key.query === 'none'
    )
      continue;
    found.push({
      severity: 'warning',
      path: ['routes', routeAt[index]!, 'key', 'query'],
      related: [path],
      reason: 'queries never reach S3: each spelling of one would be another copy of the same image',
      remedy: 'remove it: for S3 the default is none',
    });
  }
  return found.map((one) => ({ related: [], at: 'value', ...one }));
}

function checkPlace(at: (...steps: string[]) => Path, origin: S3OriginConfig): Found[] {
  const { bucket } = origin;
  const { scheme, hostname } = endpointOf(origin);
  if (addressingOf(origin) === 'path') return [];
  const where = {
    severity: 'error',
    path: at('addressing'),
    related: [at('bucket'), at('endpoint')],
  } as const;
  const remedy = 'set addressing: path';
  if (/^[0-9.]+$|^\[/.test(hostname) || hostname === 'localhost') {
    return [{ ...where, reason: `${hostname} is an address: no bucket can stand before it`, remedy }];
  }
  if (
    scheme === 'https' &&
    bucket.includes('.') &&
    origin.tls.verify &&
    origin.tls.serverName === undefined
  ) {
    const reason = `no certificate is valid for ${bucket}.${hostname}: a wildcard stands for one name without dots`;
    return [{ ...where, reason, remedy }];
  }
  return [];
}

function checkCredentials(
  at: (...steps: string[]) => Path,
  origin: S3OriginConfig,
  said: Checked['said'],
): Found[] {
  const { from, file } = origin.credentials;
  const path = at('credentials');
  if (from === 'file' && file === undefined) {
    const remedy = 'add file: with the path of a file like ~/.aws/credentials';
    return [
      { severity: 'error', path: at('credentials', 'from'), reason: 'it is not said which file', remedy },
    ];
  }
  if (from !== 'file') {
    return ['file', 'profile'].flatMap((key): Found[] => {
      if (!said([...path, key])) return [];
      const reason = `${key} has no effect: the keys come from ${from === 'anonymous' ? 'nowhere' : 'the environment'}`;
      return [
        {
          severity: 'error',
          path: [...path, key],
          related: [path],
          reason,
          remedy: 'set from: file, or remove it',
        },
      ];
    });
  }
  return [];
}
