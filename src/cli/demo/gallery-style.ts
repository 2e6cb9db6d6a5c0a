/** The gallery's style sheet: rows of equal height, light and dark, from phones to wide screens. */
export const GALLERY_STYLE = `
:root { --back: #f6f7f9; --card: #fff; --text: #1a1e24; --dim: #5d6774; --line: #dde1e7; --good: #17804a; --warn: #8a5800; --bad: #c02a2a; --link: #0b62c4; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0f1216; --card: #181c22; --text: #e6e9ee; --dim: #94a0b0; --line: #2a303a; --good: #4fd08a; --warn: #e8b04a; --bad: #ff7a70; --link: #6cb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1.6rem;
  padding: .7rem 1.2rem; background: var(--back); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.15rem; }
h1 small { font-weight: normal; font-size: .85rem; color: var(--dim); margin-left: .4rem; }
dl { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0; font-size: 14px; font-variant-numeric: tabular-nums; }
dl[hidden] { display: none; }
dl div { display: flex; gap: .4rem; }
dt { color: var(--dim); }
dd { margin: 0; font-weight: 600; }
#status { margin: 0 0 0 auto; color: var(--dim); font-variant-numeric: tabular-nums; }
section { padding: 1.6rem 1.2rem 0; }
section:last-child { padding-bottom: 2rem; }
h2 { margin: 0; font-size: 1.3rem; line-height: 1.25; }
.lead { margin: .3rem 0 .9rem; max-width: 75ch; color: var(--dim); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
img { display: block; width: 100%; height: 100%; object-fit: cover; background: var(--line) center / cover no-repeat; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 240px), 1fr)); gap: 14px; }
.rows { display: flex; flex-wrap: wrap; gap: 10px; }
.rows::after { content: ''; flex: 1e6 0 0; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
figure a { display: block; position: relative; aspect-ratio: 3 / 2; content-visibility: auto; }
figure a img { position: absolute; inset: 0; }
figure a:focus-visible { outline-offset: -3px; }
.rows figure { flex: calc(var(--r) * 100) 0 calc(var(--r) * 210px); max-width: calc(var(--r) * 340px); min-width: 150px; }
.rows a { aspect-ratio: var(--r); }
figure.broken { outline: 3px solid var(--bad); }
figcaption { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .6rem; padding: .3rem .55rem .4rem; font-size: 12px;
  font-variant-numeric: tabular-nums; }
figcaption span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
figcaption small, figcaption code, figcaption strong { grid-column: 1 / -1; }
figcaption small { font-size: inherit; color: var(--dim); }
figcaption b { font-weight: 600; white-space: nowrap; }
.card { display: flex; flex-direction: column; }
.card img { object-fit: contain; }
.card figcaption { flex: 1; grid-template: auto auto 1fr / minmax(0, 1fr) auto; gap: .15rem .6rem; padding: .5rem .7rem .6rem; font-size: 13px; }
.card strong { font-size: 14px; }
.card code { color: var(--dim); }
.card small { grid-column: 1; align-self: end; color: var(--text); white-space: pre-line; }
.card b { align-self: end; }
.hero { position: relative; border: 0; border-radius: 0; }
.hero img { height: auto; aspect-ratio: 12 / 5; max-height: 78vh; }
.hero figcaption { position: absolute; inset: auto 0 0; display: block; padding: 5rem 1.2rem 1.2rem; font-size: 15px; color: #fff;
  text-shadow: 0 1px 6px #000a; background: linear-gradient(#0000, #000a 60%, #000c); }
.hero h2 { font-size: clamp(1.4rem, 3.2vw, 2.4rem); }
.hero p { margin: .3rem 0 0; max-width: 62ch; }
.hero small, .hero figcaption b { margin-right: .6rem; color: inherit; white-space: nowrap; }
b.hit { color: var(--good); }
b.forwarded { color: var(--warn); }

@media (max-width: 640px) {
  header { position: static; padding: .7rem .75rem; }
  #status { margin: 0; width: 100%; }
  section { padding: 1.3rem .75rem 0; }
  .hero img { aspect-ratio: 4 / 5; }
  .rows figure { flex-basis: calc(var(--r) * 115px); max-width: calc(var(--r) * 230px); min-width: 110px; }
  .hero figcaption { padding: 4rem .75rem 1rem; }
  .rows span { display: none; }
  .rows b { grid-column: 1 / -1; }
}
`;
