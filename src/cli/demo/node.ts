import type { ValidConfig } from '../../config/config.ts';
import { formatProblems } from '../../config/problem.ts';
import { validateConfig } from '../../config/validate.ts';
import type { POLICY_NAMES } from '../../policy/policy.ts';
import type { DemoImage } from './images.ts';
import { workingSetBytes } from './mix.ts';
import { IMAGE_PREFIX, MARK_PATH } from './origin.ts';
import { folderOf, hasVariants, READY_FOLDERS, WIDTHS } from './renditions.ts';

/** What the configuration of a demo depends on. */
export interface DemoConfig {
  /** Without a path. */
  readonly originUrl: string;
  /** Public port on loopback; 0 takes any free one, here and for the admin port. */
  readonly port: number;
  readonly adminPort: number;
  readonly memoryBytes: number;
  readonly policy: (typeof POLICY_NAMES)[number];
  /** Images that are transformed at a time. */
  readonly transforms: number;
  /** What the origin has: a route is made for each kind of them. */
  readonly images: readonly DemoImage[];
}

/** The least that a memory tier may have. */
const MEMORY_BYTES_MIN = 4 * 1024 * 1024;
/** Share of all that is asked for that fits by default: less than all, so that evictions are seen. */
const MEMORY_SHARE = 0.6;

/** Size of the memory tier when none is asked for: 60 % of all that the traffic asks for, in bytes, whole KiB, 4 MiB or more. */
export function defaultMemoryBytes(images: readonly DemoImage[]): number {
  return Math.max(MEMORY_BYTES_MIN, Math.floor((workingSetBytes(images) * MEMORY_SHARE) / 1024) * 1024);
}

/**
 * The demo's configuration: a route for each kind of image, with its own lifetime at the origin, and one for the page.
 *
 * @throws when it is not valid, with every problem: a memory size out of bounds, for example.
 */
export function demoConfig(demo: DemoConfig): ValidConfig {
  const text = demoConfigText(demo);
  const result = validateConfig(text, { file: '(demo)', env: {} });
  if (!result.ok)
    throw new Error(
      `this makes no valid configuration:\n${formatProblems(result.problems, { color: false })}`,
    );
  return result.config;
}

function demoConfigText(demo: DemoConfig): string {
  const folders = new Set(demo.images.map(folderOf));
  const kinds = ['thumbs', 'photos', 'originals', 'webcams'].filter((kind) => folders.has(kind));
  const routes: (readonly [name: string, paths: string])[] = [
    ...kinds.map((kind) => [kind, `${IMAGE_PREFIX}${kind}/*`] as const),
    ...(kinds.length === folders.size ? [] : [['images', `${IMAGE_PREFIX}*`] as const]),
    ['page', '/*'],
  ];
  const transforms = demo.images.some(hasVariants)
    ? `images:\n  concurrency: ${demo.transforms}\n  queue: { timeout: 1m }\n`
    : '';
  return `version: 1
server:
  listen: 127.0.0.1:${demo.port}
  drainTimeout: 2s
admin:
  listen: 127.0.0.1:${demo.adminPort}
cache:
  memory:
    size: ${demo.memoryBytes}B
    policy: ${demo.policy}
${transforms}origins:
  demo:
    type: http
    url: ${demo.originUrl}
routes:
${routes.map(([name, paths]) => routeText(name, paths, demo.images)).join('')}`;
}

function routeText(name: string, paths: string, images: readonly DemoImage[]): string {
  const start = `  - name: ${name}\n    match:\n      paths: ['${paths}']\n    origin: demo\n`;
  const isFor = (image: DemoImage): boolean => name === 'images' || folderOf(image) === name;
  if (READY_FOLDERS.has(name) || !images.some((image) => isFor(image) && hasVariants(image))) return start;
  return `${start}    images:
      widths: [${WIDTHS.join(', ')}]
      overlays: ['${MARK_PATH}']
      provisional: [avif]
      provisionalLifetime: 10s
      onFailure: original
`;
}
