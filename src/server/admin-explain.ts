import { Fields } from '../http/fields.ts';
import type { Explanation, Question } from '../serve/explain.ts';
import { type AdminCall, ok, problem, type Reply } from './admin-replies.ts';

/** A request that an operator asks about. */
export type ExplainQuestion = Question;

const REMEDY =
  'Ask with ?url=http://host/path, percent-encoded; &method=HEAD and any number of &header=Name:%20value if you like.';
const HEADERS_MAX = 64;

/** `GET /api/explain`. */
export function explainUrl(
  { query }: AdminCall,
  explain: (question: ExplainQuestion) => Explanation | undefined,
): Reply {
  const url = query.get('url');
  if (url === null) return problem(400, 'bad-question', 'The question names no url.', REMEDY);
  const fields = new Fields();
  const headers = query.getAll('header');
  for (const header of headers) {
    const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(header);
    if (parts === null || headers.length > HEADERS_MAX) {
      const message = 'One of the headers is none, or there are more than 64.';
      return problem(400, 'bad-question', message, REMEDY);
    }
    fields.add(parts[1]!.toLowerCase(), parts[2]!.trim());
  }
  const explanation = explain({ url, method: query.get('method') ?? 'GET', fields });
  if (explanation !== undefined) return ok(explanation);
  return problem(400, 'bad-question', 'The url is none that a client can ask for.', REMEDY);
}
