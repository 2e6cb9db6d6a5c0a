/** What neither HTML nor XML can hold, however it is written: most control characters, and halves of surrogate pairs. */
const IMPOSSIBLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|\p{Cs}/gu;

/** Text as it may stand in HTML, XML and SVG, in attributes too. */
export function escapeHtml(text: string): string {
  return text
    .replace(IMPOSSIBLE, '\ufffd')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
