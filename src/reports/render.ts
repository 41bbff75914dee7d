/** Renders a report as text, Markdown or CSV. */
import type { ReportBar, ReportDocument, ReportSection, ReportTable } from './document.ts';

export function renderText({ title, facts, alarm, sections }: ReportDocument): string {
  return [
    title,
    ...(alarm === undefined ? [] : [`!! ${alarm}`]),
    ...facts.map(([name, value]) => `${name}: ${value}`),
    ...sections.flatMap((section) => ['', section.title, ...textOf(section)]),
    '',
  ].join('\n');
}

function textOf({ text, bars = [], table }: ReportSection): string[] {
  return [
    ...(text === undefined ? [] : [text]),
    ...bars.map((bar) => `  ${bar.label}: ${sharesOf(bar)}`),
    ...(table === undefined ? [] : alignedRows(table)),
  ];
}

function alignedRows({ columns, rows }: ReportTable): string[] {
  const widths = columns.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  );
  return [columns, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

export function renderMarkdown({ title, facts, alarm, sections }: ReportDocument): string {
  return [
    `# ${title}`,
    '',
    ...(alarm === undefined ? [] : [`**${alarm}**`, '']),
    ...facts.map(([name, value]) => `- ${name}: ${escapeMarkdown(value)}`),
    ...sections.flatMap((section) => [
      '',
      `${'#'.repeat(section.level ?? 2)} ${section.title}`,
      ...markdownOf(section),
    ]),
    '',
  ].join('\n');
}

function markdownOf({ text, bars, table }: ReportSection): string[] {
  return [
    ...(text === undefined ? [] : ['', text]),
    ...(bars === undefined ? [] : ['', ...bars.map((bar) => `- ${bar.label}: ${sharesOf(bar)}`)]),
    ...(table === undefined
      ? []
      : [
          '',
          markdownRow(table.columns),
          markdownRow(table.columns.map(() => '---')),
          ...table.rows.map(markdownRow),
        ]),
  ];
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map(escapeMarkdown).join(' | ')} |`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\|<>*_`[\]]/g, (character) => `\\${character}`).replaceAll('\n', ' ');
}

function sharesOf({ parts }: ReportBar): string {
  return parts
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${name} ${count}`)
    .join(', ');
}

/** Renders the largest table of a report (RFC 4180). */
export function renderCsv({ sections }: ReportDocument): string {
  const tables = sections.flatMap(({ table }) => (table === undefined ? [] : [table]));
  const largest = tables.toSorted((left, right) => right.rows.length - left.rows.length)[0];
  if (largest === undefined) return '';
  return [largest.columns, ...largest.rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** Quotes a cell. One that a spreadsheet would take for a formula begins with an apostrophe. */
function csvCell(cell: string): string {
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
