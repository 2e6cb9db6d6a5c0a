import { formatHttpDate, parseHttpDate } from '../http/date.ts';
import { Fields } from '../http/fields.ts';
import type { OriginFailureCause, OriginHead } from './origin.ts';

/** What answers of S3 mean for an image cache ("Error responses", S3 API reference). Pure. */

/** Whose answers are judged. */
export interface S3Place {
  readonly bucket: string;
  readonly region: string;
  /** What AccessDenied stands for: without the right to list, S3 answers so for keys that do not exist. */
  readonly accessDenied: 'error' | 'not-found';
}

/** An error answer of S3. */
export interface S3Error {
  readonly status: number;
  readonly fields: Fields;
  /** Its XML, or the beginning of it; empty for HEAD. */
  readonly body: string;
}

/** What becomes of an error answer: a plain answer with that status, or a failure of the origin. */
export type S3Verdict =
  | { readonly status: number }
  | {
      readonly cause: OriginFailureCause;
      readonly detail: string;
      /** Other keys may be accepted. */
      readonly keysRefused: boolean;
    };

/** Whether it takes the body to know what an answer means. Others are passed on by their status alone. */
export function needsExplanation(status: number): boolean {
  if (status === 408 || status === 412 || status === 416 || status === 429) return false;
  return status === 301 || status === 307 || (status >= 400 && status < 500);
}

/** Codes that say that the signature, or the keys behind it, are no longer or not yet good. */
const KEYS_REFUSED: Readonly<Record<string, string>> = {
  AccessKeyIdNotFound: 'the access key does not exist (any more)',
  AuthorizationHeaderMalformed: 'the access key or the signature cannot be right',
  ExpiredToken: 'the temporary keys have expired',
  InvalidAccessKeyId: 'the access key does not exist (any more)',
  InvalidClientTokenId: 'the access key does not exist (any more)',
  InvalidSecurity: 'the keys are not valid',
  InvalidToken: 'the session token is not valid',
  NotSignedUp: "the keys' account has no S3",
  SignatureDoesNotMatch: 'the secret access key does not belong to the access key',
  TokenRefreshRequired: 'the temporary keys must be renewed',
};

/** Judges an error answer. @param nowMs this machine's clock. */
export function judge(place: S3Place, error: S3Error, nowMs: number): S3Verdict {
  const { status } = error;
  if (!needsExplanation(status)) return { status };
  const code = element(error.body, 'Code');
  const said = code === undefined ? `answered ${status} without an error code` : `answered ${status} ${code}`;
  const fail = (cause: OriginFailureCause, detail: string, keysRefused = false): S3Verdict => ({
    cause,
    detail: `${said}: ${detail}`,
    keysRefused,
  });
  if (code === 'NoSuchBucket')
    return fail('bucket', `there is no bucket "${place.bucket}"; correct the bucket or the endpoint`);
  if (status === 404) return { status };
  const elsewhere = rightPlace(place, error, code);
  if (elsewhere !== undefined) return fail('bucket', elsewhere);
  if (code === 'RequestTimeTooSkewed' || code === 'RequestExpired')
    return fail('credentials', skew(error, nowMs));
  if (code !== undefined && Object.hasOwn(KEYS_REFUSED, code)) {
    const what = KEYS_REFUSED[code];
    return fail('credentials', `${what}; look at the keys that origins.*.credentials names`, true);
  }
  if (code === 'AccessDenied') {
    if (place.accessDenied === 'not-found') return { status: 404 };
    const remedy = `grant s3:GetObject, and s3:ListBucket, without which S3 answers so for keys that do not exist (or set accessDenied: not-found)`;
    return fail('denied', `the keys may not read this object, or there is none; ${remedy}`);
  }
  return fail('denied', "look the code up in the server's documentation");
}

/** Where the bucket really is, when that is what the answer is about. */
function rightPlace(
  { bucket, region }: S3Place,
  error: S3Error,
  code: string | undefined,
): string | undefined {
  const right = element(error.body, 'Region') ?? printable(error.fields.get('x-amz-bucket-region'));
  const isRedirect = error.status === 301 || error.status === 307;
  if (right !== undefined && right !== region && (isRedirect || error.status === 400)) {
    return `the bucket "${bucket}" is in the region ${right}; set region: ${right}`;
  }
  if (!isRedirect && code !== 'IllegalLocationConstraintException') return undefined;
  const endpoint = element(error.body, 'Endpoint');
  const hint =
    endpoint === undefined ? 'correct the region or the endpoint' : `it names the endpoint ${endpoint}`;
  return `the bucket "${bucket}" is not served here; ${hint}`;
}

function skew({ body, fields }: S3Error, nowMs: number): string {
  const serverMs =
    Date.parse(element(body, 'ServerTime') ?? '') || (parseHttpDate(fields.get('date')) ?? Number.NaN) * 1000;
  const ours = formatHttpDate(Math.floor(nowMs / 1000));
  const theirs = Number.isFinite(serverMs) ? formatHttpDate(Math.floor(serverMs / 1000)) : 'another time';
  return `the clocks differ too much: here it is ${ours}, there ${theirs}; let both machines take the time from NTP`;
}

/** The text of the first element of that name, if it is fit for a log line. */
function element(xml: string, name: string): string | undefined {
  return printable(new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]);
}

function printable(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.:/@-]{1,128}$/.test(text) ? text : undefined;
}

const OF_ERRORS: ReadonlySet<string> = new Set([
  'allow',
  'content-range',
  'date',
  'retry-after',
  'etag',
  'last-modified',
]);
/** Fields that only concern clients of S3. */
const OF_S3 = /^x-(amz|goog|minio|rgw)-/;

/** A plain answer without a body: what S3 says in one is not for clients. */
export function plainHead(status: number, fields: Fields): OriginHead {
  const kept = new Fields(['content-length', '0']);
  for (const [name, value] of fields) if (OF_ERRORS.has(name)) kept.add(name, value);
  return { status, fields: kept, framing: 'length', bodyBytes: 0 };
}

/** The head of an object without the fields that only concern clients of S3. */
export function objectHead(head: OriginHead): OriginHead {
  const kept = new Fields();
  for (const [name, value] of head.fields) if (!OF_S3.test(name)) kept.add(name, value);
  return { ...head, fields: kept };
}
