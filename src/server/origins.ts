import type { OriginConfig } from '../config/config.ts';
import { createFilesOrigin } from '../origin/files.ts';
import { createHttpOrigin } from '../origin/http.ts';
import type { TlsOptions } from '../origin/http-connection.ts';
import type { Origin } from '../origin/origin.ts';
import type { NodeOptions } from './node.ts';
import { createS3, type S3Parts } from './origin-s3.ts';

const ORIGIN_HEAD_BYTES_MAX = 64 * 1024;

/** What origins are made of. */
export type OriginParts = Pick<NodeOptions, 'readCertificates'> & S3Parts;

/** @param crowded whether requests wait for an exchange with it to end. */
export function createOrigin(
  name: string,
  config: OriginConfig,
  options: OriginParts,
  crowded: () => boolean,
): Origin {
  const { clock, log } = options;
  const onFault = (error: unknown): void =>
    log.error('an origin exchange failed inside the node', { origin: name, error: String(error) });
  if (config.type === 'files') {
    return createFilesOrigin(
      { name, root: config.root, maxBodyBytes: Number.MAX_SAFE_INTEGER },
      { clock, onFault },
    );
  }
  const tls = tlsOf(name, config.tls, options);
  if (config.type === 's3') {
    return createS3(
      config,
      { name, tls, maxHeadBytes: ORIGIN_HEAD_BYTES_MAX },
      { clock, onFault, crowded },
      options,
    );
  }
  const { url } = config;
  return createHttpOrigin(
    {
      name,
      url: `${url.scheme}://${url.authority}${url.basePath}`,
      timeouts: config.timeouts,
      maxBodyBytes: config.maxBodyBytes,
      maxHeadBytes: ORIGIN_HEAD_BYTES_MAX,
      redirects: config.redirects,
      tls,
      // A health check needs none of those that requests wait for.
      maxConnections: config.connections + (config.health === undefined ? 0 : 1),
      ...(config.host === undefined ? {} : { hostHeader: config.host }),
      extraFields: config.headers,
    },
    { clock, onFault, crowded },
  );
}

type TlsConfig = Exclude<OriginConfig, { readonly type: 'files' }>['tls'];

function tlsOf(name: string, tls: TlsConfig, options: OriginParts): TlsOptions {
  return {
    verify: tls.verify,
    ...(tls.ca === undefined ? {} : { ca: certificates(name, tls.ca, options) }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
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
