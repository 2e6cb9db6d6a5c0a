/**
 * Colours and lines of charts, light and dark. The six colours keep 3:1 against their background (WCAG 2.2, 1.4.11) and differ in
 * lightness too; lines of one colour differ by their dashes, so that no chart needs colours to be read.
 */
export const STYLE_OF_CHARTS = `
:root { --back: #fff; --text: #1a1e24; --dim: #5d6774; --line: #dde1e7;
  --c0: #0b62c4; --c1: #c2410c; --c2: #00735c; --c3: #8a3ab0; --c4: #7d5c00; --c5: #b0245f; }
@media (prefers-color-scheme: dark) { :root { --back: #181c22; --text: #e6e9ee; --dim: #9aa5b4; --line: #333a45;
  --c0: #6cb2ff; --c1: #ff9a5c; --c2: #3ddbb0; --c3: #d8a2f5; --c4: #e3c34a; --c5: #ff8db8; } }
.chart { font: 12px system-ui, sans-serif; }
.chart text { fill: var(--text); font-variant-numeric: tabular-nums; }
.chart .m { text-anchor: middle; } .chart .n { text-anchor: end; } .chart .dim { fill: var(--dim); }
.chart .back { fill: var(--back); }
.chart .grid { stroke: var(--line); } .chart .base, .chart .tick { stroke: var(--dim); }
.chart .mark { stroke: var(--text); stroke-dasharray: 2 3; }
.chart .l { fill: none; stroke-width: 2; stroke-linejoin: round; } .chart .d { stroke-dasharray: 6 4; }
.chart .c0 { stroke: var(--c0); } .chart .c1 { stroke: var(--c1); } .chart .c2 { stroke: var(--c2); }
.chart .c3 { stroke: var(--c3); } .chart .c4 { stroke: var(--c4); } .chart .c5 { stroke: var(--c5); }
.chart .e { font-weight: 700; }
.chart .t0 { fill: var(--c0); } .chart .t1 { fill: var(--c1); } .chart .t2 { fill: var(--c2); }
.chart .t3 { fill: var(--c3); } .chart .t4 { fill: var(--c4); } .chart .t5 { fill: var(--c5); }
`;

/** The pages around the charts, from phones to wide screens. */
export const STYLE_OF_PAGES = `
:root { --page: #f6f7f9; --bad: #b42318; --good: #17703f; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1216; --bad: #ff8a80; --good: #4fd08a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 1.2rem 1rem 2.5rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .6rem; font-size: 1.15rem; }
p, li { max-width: 80ch; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; }
.dim { color: var(--dim); }
.answer { margin: 1rem 0; padding: .3rem 1.1rem; border: 1px solid var(--line); border-left: 4px solid var(--c0); border-radius: 6px; background: var(--back); }
.answer.no { border-left-color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 14px; }
figure { margin: 0; padding: .7rem .8rem .5rem; border: 1px solid var(--line); border-radius: 6px; background: var(--back); }
figcaption { font-weight: 600; } figcaption small { display: block; font-weight: 400; color: var(--dim); }
.chart { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--back); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .8rem; text-align: right; white-space: nowrap; }
th:first-child { position: sticky; left: 0; background: var(--back); text-align: left; font-weight: 400; }
thead th { min-width: 6rem; max-width: 14rem; white-space: normal; overflow-wrap: anywhere; }
thead th, tbody th[colspan] { font-weight: 600; color: var(--dim); }
tbody th[colspan] { padding-top: .9rem; border-bottom: 1px solid var(--line); }
tr.on { background: color-mix(in srgb, var(--c0) 12%, transparent); }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
pre { margin: 0; padding: .7rem .9rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--back); font: 13px/1.5 ui-monospace, monospace; }
@media (max-width: 640px) { body { padding: .8rem .6rem 2rem; } th, td { padding: .28rem .5rem; font-size: 14px; } tbody th:first-child { min-width: 8rem; white-space: normal; } }
@media print { body { background: none; } figure, tr { break-inside: avoid; } }
`;
