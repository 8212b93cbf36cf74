"""The look of `report.html`: light or dark as the reader's system is, legible on a telephone and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --card: #ffffff; --ink: #1d2327; --soft: #5c6770; --line: #e1e4e6; --accent: #0b6aa8;
  --warn: #fff6e5; --warn-line: #e0a030;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2125; --ink: #e6e9eb; --soft: #9aa5ad; --line: #30373d; --accent: #6cb8ee;
    --warn: #2e2615; --warn-line: #b07d22;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
.kicker, .note { color: var(--soft); font-size: .85rem; margin: 0 0 .3rem; }
.note { margin-top: .5rem; }
.facts { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .6rem; }
.facts li {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .45rem .9rem; min-width: 6.5rem;
}
.facts b { display: block; font-size: 1.1rem; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: .8rem; }
.warn { background: var(--warn); border: 1px solid var(--warn-line); border-radius: 8px; margin-top: 1.5rem; }
.warn { padding: .8rem 1.2rem; }
.warn h2 { margin: 0 0 .4rem; border: 0; padding: 0; }
.warn ul { margin: 0; padding-left: 1.2rem; }
video { display: block; max-width: 100%; max-height: 85vh; margin: 0 auto; border-radius: 6px; background: #000; }
figure {
  display: inline-block; vertical-align: top; max-width: 100%; margin: 0 .8rem 1rem 0; padding: .8rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px;
}
figure img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .5rem; contain: inline-size; }
.scroll { overflow-x: auto; width: fit-content; max-width: 100%; }
.scroll { border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom; min-width: 4.2rem; }
th i { display: block; font-weight: 400; }
tbody tr:last-child td { border-bottom: 0; }
td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--accent); margin-bottom: .6rem; }
@media print { main { max-width: none; } section { break-inside: avoid; } video { display: none; } }
"""
