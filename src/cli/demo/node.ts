import type { ValidConfig } from '../../config/config.ts';
import { formatProblems } from '../../config/problem.ts';
import { validateConfig } from '../../config/validate.ts';
import type { POLICY_NAMES } from '../../policy/policy.ts';
import type { DemoImage } from './images.ts';
import { IMAGE_PREFIX } from './origin.ts';

/** What the configuration of a demo depends on. */
export interface DemoConfig {
  /** Without a path. */
  readonly originUrl: string;
  /** Public port on loopback; 0 takes any free one, here and for the admin port. */
  readonly port: number;
  readonly adminPort: number;
  readonly memoryBytes: number;
  readonly policy: (typeof POLICY_NAMES)[number];
  /** What the origin has: a route is made for each kind of them. */
  readonly images: readonly DemoImage[];
}

/** The least that a memory tier may have. */
const MEMORY_BYTES_MIN = 4 * 1024 * 1024;
/** Share of the images that fits by default: less than all, so that evictions are seen. */
const MEMORY_SHARE = 0.6;

/** Size of the memory tier when none is asked for: 60 % of the images, in bytes, whole KiB, 4 MiB or more. */
export function defaultMemoryBytes(images: readonly DemoImage[]): number {
  const totalBytes = images.reduce((sum, image) => sum + image.sizeBytes, 0);
  return Math.max(MEMORY_BYTES_MIN, Math.floor((totalBytes * MEMORY_SHARE) / 1024) * 1024);
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
  const folders = new Set(demo.images.map((image) => image.path.split('/', 1)[0]!));
  const kinds = ['thumbs', 'photos', 'originals', 'webcams'].filter((kind) => folders.has(kind));
  const routes: (readonly [name: string, paths: string])[] = [
    ...kinds.map((kind) => [kind, `${IMAGE_PREFIX}${kind}/*`] as const),
    ['images', `${IMAGE_PREFIX}*`],
    ['page', '/*'],
  ];
  const needed = kinds.length === folders.size ? routes.filter(([name]) => name !== 'images') : routes;
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
origins:
  demo:
    type: http
    url: ${demo.originUrl}
routes:
${needed.map(([name, path]) => `  - name: ${name}\n    match:\n      paths: ['${path}']\n    origin: demo`).join('\n')}
`;
}
