import type { OriginHead } from '../../origin/origin.ts';

/** Nothing but what is in the drawing itself; no script, whoever opens it how. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox";

/** What browsers read as XML, and draw where it is an SVG (WHATWG MIME Sniffing, section 4.6). */
const XML_TYPE = /^(?:text\/xml|application\/xml|[^;]+\+xml)[ \t]*(?:;|$)/i;

/**
 * An SVG is a document that may carry scripts, which run when it is opened by itself (not in `img`), whichever type of XML it
 * is sent as. As an image it needs none: its response forbids them. Changes the fields.
 */
export function disarmSvg({ fields }: Pick<OriginHead, 'fields'>): void {
  if (!XML_TYPE.test(fields.get('content-type') ?? '')) return;
  fields.set('content-security-policy', POLICY);
  fields.set('x-content-type-options', 'nosniff');
}
