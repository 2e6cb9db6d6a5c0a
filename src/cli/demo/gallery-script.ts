/** The least JPEG XL there is: a browser that shows it says so in `Accept`. */
const TINY_JXL = 'data:image/jxl;base64,/woIELASCAgQAFwASxLFgkWAHL0xqnCBCV0qDp901Te/5QM=';

/**
 * The gallery's script: counts loaded images, and says below each what came and how it was served. The fields of the response are
 * read from the browser's own copy (`force-cache`), so that looking does not cause requests. For that they have to be asked for with
 * the `Accept` of the image, which no browser tells; where the guess is wrong, the node is asked once more, and answers with a hit.
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
  image.closest('figure')?.classList.toggle('broken', !isWhole);
  count();
  if (isWhole && image.closest('figure')) queue.push(image), work();
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

const agent = navigator.userAgent;
const accepted = new Promise((done) => {
  const tell = (jxl) => done(
    agent.includes('Chrome') ? jxl + 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'
    : agent.includes('Firefox') ? 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5'
    : 'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5');
  const probe = new Image();
  probe.onload = () => tell('image/jxl,');
  probe.onerror = () => tell('');
  probe.src = '${TINY_JXL}';
});

const size = (bytes) => bytes < 1024 ? bytes + ' B' : bytes < 1048576 ? (bytes / 1024).toFixed(bytes < 10240 ? 1 : 0) + ' KiB' : (bytes / 1048576).toFixed(2) + ' MiB';
const saved = { images: 0, bytes: 0, originalBytes: 0 };

async function explain(image) {
  const figure = image.closest('figure');
  const response = await fetch(image.currentSrc, { cache: 'force-cache', headers: { accept: await accepted } });
  const field = (name) => response.headers.get(name) || '';
  const bytes = (await response.arrayBuffer()).byteLength;
  const said = new Map(field('holdfast-image').split(',').map((item) => item.trim().split('=')));
  if (said.has('original-bytes')) describe(figure, said, field('content-type'), bytes);
  const isHit = /;\\s*hit/.test(field('cache-status'));
  const reason = /fwd=([\\w-]+)/.exec(field('cache-status'));
  const timing = performance.getEntriesByName(image.currentSrc, 'resource')[0];
  const ms = timing && timing.responseEnd > 0 ? timing.responseEnd - timing.requestStart : 0;
  const time = ms > 0 ? ' ' + ms.toFixed(ms < 9.95 ? 1 : 0) + ' ms' : '';
  const label = figure.querySelector('b');
  label.textContent = (isHit ? 'hit' : said.has('original-bytes') ? 'made' : reason ? reason[1] : 'forwarded') + time;
  label.className = isHit ? 'hit' : 'forwarded';
  label.title = field('cache-status');
}

function describe(figure, said, type, bytes) {
  const originalBytes = Number(said.get('original-bytes'));
  const format = type.replace('image/', '').toUpperCase().replace('WEBP', 'WebP') + (said.has('provisional') ? ' for now' : '');
  const pixels = said.has('width') ? said.get('width') + '×' + said.get('height') + ' ' : '';
  const isRow = figure.parentElement.className === 'rows';
  figure.querySelector('small').textContent =
    pixels + format + (isRow ? ' ' : '\\n') + size(bytes) + ' of ' + size(originalBytes);
  if (!isRow) return;
  saved.images += 1, saved.bytes += bytes, saved.originalBytes += originalBytes;
  document.getElementById('saved').textContent =
    saved.images + ' of them so far: ' + size(saved.bytes) + ' instead of ' + size(saved.originalBytes) + '.';
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
    variants: Math.round(numbers.variantsPerS) + ' /s',
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
