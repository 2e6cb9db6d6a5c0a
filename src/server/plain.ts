import { formatHttpDate } from '../http/date.ts';
import type { Answer } from '../serve/answer.ts';
import { TextPayload } from '../serve/flight-body.ts';

/**
 * An answer of the server's own: one sentence as plain text, not to be stored.
 *
 * @param detail what `Cache-Status` says, as on every other answer (RFC 9211): an error code or a problem's word.
 * @param text one line, with its line break; '' for none, as 204 demands.
 * @param nowMs wall clock, for Date.
 * @param extraFields field lines, each with its CRLF.
 */
export function plainAnswer(
  status: number,
  detail: string,
  text: string,
  nowMs: number,
  extraFields: string,
): Answer {
  const date = `Cache-Status: Holdfast; detail=${detail}\r\nDate: ${formatHttpDate(Math.floor(nowMs / 1000))}\r\n`;
  if (text === '')
    return { status, head: `${date}${extraFields}\r\n`, headInPayload: false, payload: undefined, done };
  const body = Buffer.from(text, 'latin1');
  const head =
    `${date}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n` +
    `${extraFields}\r\n`;
  return { status, head, headInPayload: false, payload: new TextPayload(body), done };
}

function done(): void {}
