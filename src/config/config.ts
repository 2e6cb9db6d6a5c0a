import type { z } from 'zod';
import type { RouteImages } from './images.ts';
import type { OPTIONS } from './options.ts';

/**
 * The parsed configuration: plain, complete, read-only data. Quantities are plain numbers whose names end in their
 * unit (`sizeBytes`, `connectMs`, `defaultS`); optional things are `undefined`. The types come from the option table.
 */
type Parsed = z.output<typeof OPTIONS>;

type Memory = Parsed['cache']['memory'];
type RawRoute = Parsed['routes'][number];

/** Limits are filled in: a route's is never above the tier's. */
export type RouteConfig = Omit<RawRoute, 'maxObjectBytes' | 'key' | 'unsafeMethods' | 'images'> & {
  readonly unsafeMethods: 'forward' | 'refuse';
  readonly maxObjectBytes: number;
  /** Undefined for a route that serves images as they are. */
  readonly images: RouteImages | undefined;
  readonly key: { readonly host: boolean; readonly query: NonNullable<RawRoute['key']['query']> };
};
/** The memory tier. */
export type MemoryConfig = Omit<Memory, 'maxObjectBytes' | 'variantsShare'> & {
  readonly maxObjectBytes: number;
  readonly variantsShare: number;
};
/** The disk tier; its path is absolute. */
export type DiskConfig = Omit<NonNullable<Parsed['cache']['disk']>, 'maxObjectBytes'> & {
  readonly maxObjectBytes: number;
};
/** One origin; `type` tells which kind. */
export type OriginConfig = Parsed['origins'][string];
/** An HTTP server. */
export type HttpOriginConfig = Extract<OriginConfig, { readonly type: 'http' }>;
/** A bucket of S3. */
export type S3OriginConfig = Extract<OriginConfig, { readonly type: 's3' }>;
/** The public port. */
export type ServerConfig = Parsed['server'];
/** The admin port. */
export type AdminConfig = Parsed['admin'];
/** What making variants may cost, for the node as a whole. */
export type ImagesConfig = Parsed['images'];
/** What is remembered of the traffic; its path is absolute where a directory was given. */
export type TrafficConfig = Omit<Parsed['traffic'], 'path'> & { readonly path: string };
/** Both logs. */
export type LogConfig = Parsed['log'];

/** What the option table yields, before limits are filled in. */
export type ParsedConfig = Parsed;

/** The whole configuration. Only a {@link ValidConfig} may be run. */
export interface Config {
  readonly version: 1;
  readonly server: ServerConfig;
  readonly admin: AdminConfig;
  readonly cache: {
    readonly memory: MemoryConfig;
    /** Undefined without one. */
    readonly disk: DiskConfig | undefined;
    readonly ghosts: number;
  };
  readonly images: ImagesConfig;
  readonly origins: Readonly<Record<string, OriginConfig>>;
  /** In the order in which they are tried. At least one. */
  readonly routes: readonly RouteConfig[];
  readonly log: LogConfig;
  readonly traffic: TrafficConfig;
}

/** A configuration that passed every check. Only `validate.ts` makes one, so holding one is the proof. */
export type ValidConfig = Config & { readonly __valid: unique symbol };
