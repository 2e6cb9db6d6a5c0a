import type { Departure } from './case.ts';

/** What a reader of the documents would expect and not find. */
export const DEPARTURES: readonly Departure[] = [
  {
    rfc: '9111 5.2.1',
    what: 'of request directives only only-if-cached counts (`obeyRequestDirectives` makes all of them count)',
    why: 'they are permissions to ask the origin, and here every reload button would have one',
  },
  {
    rfc: '9111 4.1',
    what: 'a field that `Vary` names and that the origin is not sent (Accept-Language, User-Agent, client hints, unless in `requestFields`) has no copies',
    why: 'it cannot have selected anything, and images hardly depend on it',
  },
  {
    rfc: '9111 7.3',
    what: 'Set-Cookie is not stored; of responses that have one, only images that state a lifetime are',
    why: 'one client would get the cookie of another',
  },
  {
    rfc: '9111 3.3',
    what: 'partial content is not stored; a range that is not stored whole is fetched whole',
    why: 'images are small and asked for again; combining parts is a source of damage that nobody would notice',
  },
  {
    rfc: '9110 15.2',
    what: 'interim responses are not passed on',
    why: 'a 103 is about a page, not about an image',
  },
  {
    rfc: '9110 9.3.3',
    what: 'responses to POST are never stored',
    why: 'no image is fetched that way',
  },
  {
    rfc: '9112 6.3',
    what: 'a body that is longer than its Content-Length is refused, not cut',
    why: 'its length was a lie, and half of an image is none',
  },
  {
    rfc: '9111 3.2',
    what: 'a 304 changes the parameters of Content-Type, not the media type',
    why: 'some servers label every 304 as text/html',
  },
  {
    rfc: '9111 5.2.2',
    what: 'a 4xx is kept for at most `ttl.negativeMax`, a 5xx for at most `ttl.negative`, whatever they state',
    why: 'an error that outlives its cause is an outage',
  },
];
