/** Targets as file names: what a files origin looks for. Pure. */

/**
 * The decoded path segments of a request target (RFC 3986 section 3.3), its query left out.
 *
 * Undefined for what cannot name a visible file: an empty segment (`//`, or a directory's trailing slash), `.` and
 * `..`, a name that starts with a dot, invalid percent-encoding or UTF-8, and separators or NUL hidden in an encoding.
 */
export function filePathSegments(target: string): string[] | undefined {
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  if (!path.startsWith('/')) return undefined;
  const segments: string[] = [];
  for (const raw of path.slice(1).split('/')) {
    const segment = decoded(raw);
    if (segment === undefined || segment === '' || isHidden(segment) || /[/\\\0]/.test(segment))
      return undefined;
    segments.push(segment);
  }
  return segments;
}

/** A name that starts with a dot, `.` and `..` included. */
export function isHidden(name: string): boolean {
  return name.startsWith('.');
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  apng: 'image/apng',
  avif: 'image/avif',
  bmp: 'image/bmp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/vnd.microsoft.icon',
  jfif: 'image/jpeg',
  jpe: 'image/jpeg',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  jxl: 'image/jxl',
  png: 'image/png',
  svg: 'image/svg+xml',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain; charset=utf-8',
  webp: 'image/webp',
};

/** Content-Type by the extension of a file name; `application/octet-stream` when it is not known. */
export function mediaType(fileName: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(MEDIA_TYPES, extension) ? MEDIA_TYPES[extension]! : 'application/octet-stream';
}
