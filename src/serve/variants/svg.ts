import type { OriginHead } from '../../origin/origin.ts';

/** Nothing but what is in the drawing itself; no script, whoever opens it how. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox";

/**
 * An SVG is a document that may carry scripts, which run when it is opened by itself (not in `img`). As an image it needs none:
 * its response forbids them. Changes the fields.
 */
export function disarmSvg({ fields }: OriginHead): void {
  if (!/^image\/svg\b/i.test(fields.get('content-type') ?? '')) return;
  fields.set('content-security-policy', POLICY);
  fields.set('x-content-type-options', 'nosniff');
}
