import type { OriginConfig } from '../config/config.ts';
import { createFilesOrigin } from '../origin/files.ts';
import { createHttpOrigin } from '../origin/http.ts';
import type { Origin } from '../origin/origin.ts';
import type { NodeOptions } from './node.ts';

const ORIGIN_HEAD_BYTES_MAX = 64 * 1024;

/** What origins are made of. */
export type OriginParts = Pick<NodeOptions, 'clock' | 'log' | 'readCertificates'>;

/** @throws Error that names what of its configuration cannot be read. */
export function createOrigin(name: string, config: OriginConfig, options: OriginParts): Origin {
  const { clock, log } = options;
  const onFault = (error: unknown): void =>
    log.error('an origin exchange failed inside the node', { origin: name, error: String(error) });
  if (config.type === 'files') {
    return createFilesOrigin(
      { name, root: config.root, maxBodyBytes: Number.MAX_SAFE_INTEGER },
      { clock, onFault },
    );
  }
  const { tls, url } = config;
  return createHttpOrigin(
    {
      name,
      url: `${url.scheme}://${url.authority}${url.basePath}`,
      timeouts: config.timeouts,
      maxBodyBytes: config.maxBodyBytes,
      maxHeadBytes: ORIGIN_HEAD_BYTES_MAX,
      redirects: config.redirects,
      tls: {
        verify: tls.verify,
        ...(tls.ca === undefined ? {} : { ca: certificates(name, tls.ca, options) }),
        ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
      },
      maxConnections: config.connections,
      ...(config.host === undefined ? {} : { hostHeader: config.host }),
      extraFields: config.headers,
    },
    { clock, onFault },
  );
}

function certificates(origin: string, path: string, options: OriginParts): string {
  try {
    return options.readCertificates(path);
  } catch (error) {
    throw new Error(`origins.${origin}.tls.ca: cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
