import type { S3OriginConfig } from '../config/config.ts';
import { addressingOf, endpointOf } from '../config/s3.ts';
import type { Origin } from '../origin/origin.ts';
import { createS3Origin, type S3OriginDeps, type S3OriginOptions } from '../origin/s3.ts';
import {
  ANONYMOUS,
  environmentCredentials,
  fileCredentials,
  type S3Credentials,
} from '../origin/s3-credentials.ts';
import type { NodeOptions } from './node.ts';

/** What S3 origins need of the node beside what all need. */
export type S3Parts = Pick<NodeOptions, 'clock' | 'log' | 'env' | 'readFile'>;

/**
 * Makes the origin of a bucket.
 *
 * @throws Error that names the variables that are missing.
 */
export function createS3(
  config: S3OriginConfig,
  common: Pick<S3OriginOptions, 'name' | 'maxHeadBytes' | 'tls'>,
  deps: Pick<S3OriginDeps, 'clock' | 'onFault' | 'crowded'>,
  parts: S3Parts,
): Origin {
  const { bucket, region, prefix = '', accessDenied, timeouts, maxBodyBytes, connections } = config;
  const { scheme, authority } = endpointOf(config);
  return createS3Origin(
    {
      ...common,
      bucket,
      region,
      prefix,
      accessDenied,
      endpoint: `${scheme}://${authority}`,
      addressing: addressingOf(config),
      timeouts,
      maxBodyBytes,
      maxConnections: connections + (config.health === undefined ? 0 : 1),
    },
    { ...deps, credentials: credentialsOf(common.name, config, parts) },
  );
}

function credentialsOf(
  origin: string,
  { credentials }: S3OriginConfig,
  { clock, log, env, readFile }: S3Parts,
): S3Credentials {
  const { from, file, profile } = credentials;
  if (from === 'anonymous') return ANONYMOUS;
  if (from === 'environment' || file === undefined) {
    try {
      return environmentCredentials(env);
    } catch (error) {
      throw new Error(`origins.${origin}.credentials: ${(error as Error).message}`, { cause: error });
    }
  }
  return fileCredentials(
    { path: file, profile },
    {
      clock,
      readFile,
      onNews: (news, message) => {
        if (news === 'changed') log.info(message, { origin });
        else log.warn(message, { origin });
      },
    },
  );
}
