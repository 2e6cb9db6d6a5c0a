/** The gallery's style sheet: rows of equal height, light and dark. */
export const GALLERY_STYLE = `
:root { --back: #f6f7f9; --card: #fff; --text: #1a1e24; --dim: #667080; --line: #dde1e7; --good: #17804a; --warn: #9a6200; --bad: #c02a2a; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0f1216; --card: #181c22; --text: #e6e9ee; --dim: #94a0b0; --line: #2a303a; --good: #4fd08a; --warn: #e8b04a; --bad: #ff7a70; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.4 system-ui, sans-serif; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1.6rem;
  padding: .7rem 1.2rem; background: var(--back); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.15rem; }
h1 small { font-weight: normal; font-size: .85rem; color: var(--dim); margin-left: .4rem; }
dl { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; margin: 0; font-variant-numeric: tabular-nums; }
dl[hidden] { display: none; }
dl div { display: flex; gap: .4rem; }
dt { color: var(--dim); }
dd { margin: 0; font-weight: 600; }
#status { margin: 0 0 0 auto; color: var(--dim); font-variant-numeric: tabular-nums; }
main { display: flex; flex-wrap: wrap; gap: 10px; padding: 12px; }
main::after { content: ''; flex: 1e6 0 0; }
figure { margin: 0; flex: calc(var(--r) * 100) 0 calc(var(--r) * 210px); max-width: calc(var(--r) * 340px); min-width: 150px; background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
figure a { display: block; }
img { display: block; width: 100%; height: auto; aspect-ratio: var(--r); object-fit: cover; background: var(--line); }
figure.broken { outline: 3px solid var(--bad); }
figcaption { display: grid; grid-template-columns: 1fr auto; gap: 0 .6rem; padding: .25rem .5rem .35rem; font-size: 12px;
  font-variant-numeric: tabular-nums; }
figcaption span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
figcaption small { grid-column: 1 / -1; font-size: inherit; color: var(--dim); }
figcaption b { font-weight: 600; white-space: nowrap; }
b.hit { color: var(--good); }
b.forwarded { color: var(--warn); }
`;

/**
 * The gallery's script: counts loaded images, and says below each how it was served. `Cache-Status` is read from the
 * browser's own copy (`force-cache`), so that looking does not cause requests.
 */
export const GALLERY_SCRIPT = `
'use strict';
performance.setResourceTimingBufferSize(5000);
const images = [...document.images];
const status = document.getElementById('status');
let whole = 0, broken = 0;

function count() {
  status.textContent = whole + ' of ' + images.length + ' loaded' + (broken ? ', ' + broken + ' broken' : '');
}

function settled(image) {
  const isWhole = image.naturalWidth > 0;
  if (isWhole) whole += 1; else broken += 1;
  image.closest('figure').classList.toggle('broken', !isWhole);
  count();
  if (isWhole) queue.push(image), work();
}

const queue = [];
let busy = 0;
async function work() {
  while (busy < 4 && queue.length > 0) {
    busy += 1;
    await explain(queue.shift()).catch(() => {});
    busy -= 1;
  }
}

async function explain(image) {
  const label = image.closest('figure').querySelector('b');
  const timing = performance.getEntriesByName(image.currentSrc, 'resource')[0];
  const response = await fetch(image.currentSrc, { cache: 'force-cache', method: 'GET' });
  const field = response.headers.get('cache-status') || '';
  response.body?.cancel();
  const isHit = /;\\s*hit/.test(field);
  const reason = /fwd=([\\w-]+)/.exec(field);
  const time = timing && timing.responseEnd > 0 ? ' ' + (timing.responseEnd - timing.requestStart).toFixed(1) + ' ms' : '';
  label.textContent = (isHit ? 'hit' : reason ? reason[1] : 'forwarded') + time;
  label.className = isHit ? 'hit' : 'forwarded';
  label.title = field;
}

for (const image of images) {
  if (image.complete && image.naturalWidth > 0) settled(image);
  else {
    image.addEventListener('load', () => settled(image), { once: true });
    image.addEventListener('error', () => settled(image), { once: true });
  }
}
count();

const live = document.getElementById('live');
const percent = (share) => share === null ? '-' : (share * 100).toFixed(1) + ' %';
const mebi = (bytes) => (bytes / 1048576).toFixed(1);
function show(numbers) {
  const values = {
    requests: Math.round(numbers.requestsPerS) + ' /s',
    hits: percent(numbers.hitRatio),
    origin: Math.round(numbers.originPerS) + ' /s',
    evictions: Math.round(numbers.evictionsPerS) + ' /s',
    memory: mebi(numbers.usedBytes) + ' of ' + mebi(numbers.budgetBytes) + ' MiB',
    p99: numbers.p99Ms === null ? '-' : numbers.p99Ms.toFixed(1) + ' ms',
  };
  for (const [name, value] of Object.entries(values)) live.querySelector('[data-live=' + name + ']').textContent = value;
  live.hidden = false;
}
async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch('/live.json', { cache: 'no-store' });
      const numbers = await response.json();
      if (numbers) show(numbers);
    } catch { live.hidden = true; }
  }
  setTimeout(poll, 1000);
}
poll();
`;
