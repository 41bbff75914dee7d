/** Renders a report as one HTML file: no script, nothing from the network, readable in both colour schemes and on paper.
 *  A policy of the file itself forbids everything else (Content Security Policy 3). */
import { createHash } from 'node:crypto';
import type { ReportBar, ReportDocument, ReportSection, ReportTable } from './document.ts';

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #c4cad1; --soft: #f3f5f7; --alarm: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14171a; --line: #454c54; --soft: #1e2328; --alarm: #ffb4ab }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 80rem; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dt { font-weight: 600 }
dd { margin: 0; overflow-wrap: anywhere }
.alarm { border: 2px solid var(--alarm); color: var(--alarm); padding: .6rem 1rem; font-weight: 600 }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
th { background: var(--soft); position: sticky; top: 0 }
figure { margin: 1rem 0 } svg { width: 100%; height: 1.6rem; display: block } figcaption { font-weight: 600 }
ul.key { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .3rem 0 }
.swatch { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; border: 1px solid var(--line) }
.c0 { fill: #4c78a8; background: #4c78a8 } .c1 { fill: #f2a541; background: #f2a541 }
.c2 { fill: #59a14f; background: #59a14f } .c3 { fill: #b07aa1; background: #b07aa1 }
.c4 { fill: #76b7b2; background: #76b7b2 } .c5 { fill: #9c755f; background: #9c755f }
.c6 { fill: #e15759; background: #e15759 } .c7 { fill: #8f8f8f; background: #8f8f8f }
@media print { body { margin: 0; max-width: none; font-size: 10px } th { position: static }
  th, td { padding: .15rem .3rem; overflow-wrap: anywhere } tr { break-inside: avoid } }
`;

export function renderHtml({ title, facts, alarm, sections }: ReportDocument): string {
  const styleHash = createHash('sha256').update(style).digest('base64');
  const colours = coloursOf(sections);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${alarm === undefined ? '' : `<p class="alarm">${escapeHtml(alarm)}</p>\n`}${renderFacts(facts)}${labelled(
    sections,
  )
    .map(([section, label]) => renderSection(section, label, colours))
    .join('\n')}
</main>
</body>
</html>
`;
}

function renderFacts(facts: ReportDocument['facts']): string {
  if (facts.length === 0) return '';
  const rows = facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<dl>\n${rows.join('\n')}\n</dl>\n`;
}

/** Pairs each section with a name of its own: below another section, the title of that one comes first. */
function labelled(sections: readonly ReportSection[]): readonly (readonly [ReportSection, string])[] {
  let above = '';
  return sections.map((section) => {
    if (section.level === 3) return [section, `${above}: ${section.title}`];
    above = section.title;
    return [section, section.title];
  });
}

/** Returns the class of each part's colour, by name, the same in every bar. */
function coloursOf(sections: readonly ReportSection[]): ReadonlyMap<string, string> {
  const names = new Set(
    sections.flatMap(({ bars = [] }) => bars.flatMap(({ parts }) => parts.map(({ name }) => name))),
  );
  return new Map([...names].map((name, index) => [name, `c${Math.min(index, 7)}`]));
}

function renderSection(
  { title, level = 2, text, bars = [], table }: ReportSection,
  label: string,
  colours: ReadonlyMap<string, string>,
): string {
  return [
    `<section>\n<h${level}>${escapeHtml(title)}</h${level}>`,
    ...(text === undefined ? [] : [`<p>${escapeHtml(text)}</p>`]),
    ...bars.map((bar) => renderBar(bar, colours)),
    ...(table === undefined || table.rows.length === 0 ? [] : [renderTable(label, table)]),
    '</section>',
  ].join('\n');
}

/** Draws shares of a whole; the key below the bar has the same figures as text. */
function renderBar({ label, parts }: ReportBar, colours: ReadonlyMap<string, string>): string {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const drawn = parts.filter(({ count }) => count > 0);
  let x = 0;
  const rectangles = drawn.map(({ name, count }) => {
    const width = (count / total) * 100;
    const rectangle = `<rect class="${colours.get(name)!}" x="${x.toFixed(3)}" width="${width.toFixed(3)}" height="10"/>`;
    x += width;
    return rectangle;
  });
  const key = drawn.map(
    ({ name, count }) =>
      `<li><span class="swatch ${colours.get(name)!}"></span>${escapeHtml(name)} ${count}</li>`,
  );
  return `<figure><figcaption>${escapeHtml(label)}</figcaption>
<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${rectangles.join('')}</svg>
<ul class="key">${key.join('')}</ul></figure>`;
}

function renderTable(caption: string, { columns, rows }: ReportTable): string {
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table><thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody></table></div>`;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
