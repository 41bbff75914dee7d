/** The audit of a recording as tables, for text, Markdown and HTML, and with one number per cell for CSV. */
import type { ReportBar, ReportDocument, ReportSection } from '../reports/document.ts';
import { allFields, softwareGroup, type AudienceFigures, type FieldRow, type Showing } from './audit.ts';
import { observationsMin, type Estimate } from './entropy.ts';
import type { Figures } from './figures.ts';
import type { AuditReport } from './report.ts';

/** What is written between the figures as received and as forwarded. */
const arrow = ' → ';

export function auditDocument(report: AuditReport): ReportDocument {
  const stages = ['as received', ...report.policies.map(({ name }) => `under ${name}`)];
  return {
    title: 'Audit of a recording',
    facts: factsOf(report, stages),
    alarm: alarmOf(report),
    sections: report.audiences.flatMap((audience) => sectionsOf(audience, stages)),
  };
}

function factsOf(report: AuditReport, stages: readonly string[]): [string, string][] {
  const { files, bytes, sessions, stanzas, stanzasWithoutXml, withheld, policies, bounds } = report;
  const facts: [string, string][] = [
    ['recording', `${files.join(', ')} (${bytes} bytes)`],
    ['clients', `${sessions} sessions, each counted as one client`],
    ['stanzas', `${stanzas}, and ${stanzasWithoutXml} without XML that no figure includes`],
    ...policies.map(({ name, digest, mode }, index): [string, string] => [
      `policy ${name}`,
      `digest ${digest}, mode ${mode}, ${withheld[index]} stanzas not sent on`,
    ]),
    ['figures', `${stages.join(arrow)}; in brackets the interval that holds with a confidence of 95 %`],
  ];
  if (bounds.clientsSampledOneIn > 1)
    facts.push(['sampled', `one client in ${bounds.clientsSampledOneIn}, because memory is bounded`]);
  if (bounds.closedViews > 0)
    facts.push(['closed', `${bounds.closedViews} views have more values than are compared`]);
  if (bounds.sampledDistinct > 0)
    facts.push(['estimated', `different values in ${bounds.sampledDistinct} cells, by a sample`]);
  return [...facts, ['not recorded', report.notRecorded.join('; ')]];
}

function alarmOf({ policies, sessions }: AuditReport): string | undefined {
  const shadows = policies.filter(({ mode }) => mode === 'shadow').map(({ name }) => name);
  if (shadows.length > 0)
    return `${shadows.join(' and ')} is in shadow: it withholds nothing. The figures are those of its enforcement.`;
  if (sessions < observationsMin)
    return `There are fewer than ${observationsMin} clients: the figures describe them, and allow no conclusion.`;
  return undefined;
}

function sectionsOf(audience: AudienceFigures, stages: readonly string[]): ReportSection[] {
  const whom = `${audience.audience}, ${audience.clients} clients`;
  return [
    {
      title: `Fields together: ${whom}`,
      bars: barsOf(audience, stages),
      table: {
        columns: ['fields', 'Shannon bits', 'min-entropy bits', 'unique clients', 'smallest sets'],
        rows: audience.groups.map(({ group, figures }) => [group, ...figureCells(figures)]),
      },
    },
    {
      title: `Fields one by one: ${whom}`,
      table: {
        columns: [
          'field',
          'treatment',
          'occurrences',
          'different values',
          'Shannon bits',
          'min-entropy bits',
          'unique clients',
          'smallest sets',
        ],
        rows: audience.fields.map(fieldCells),
      },
    },
  ];
}

function barsOf({ groups }: AudienceFigures, stages: readonly string[]): ReportBar[] {
  return groups
    .filter(({ group }) => group === allFields || group === softwareGroup)
    .flatMap(({ group, figures }) =>
      figures.map(({ sets }, index) => ({
        label: `clients by how many look alike, ${group}, ${stages[index]}`,
        parts: sets.sizes.map(({ from, to, clients }) => ({ name: sizeWords(from, to), count: clients })),
      })),
    );
}

function sizeWords(from: number, to: number): string {
  if (from === to) return from === 1 ? 'alone' : String(from);
  return to === Infinity ? `${from} or more` : `${from} to ${to}`;
}

function fieldCells({ field, aspect, showings }: FieldRow): string[] {
  return [
    aspect === 'form' ? `${field} (form)` : field,
    showings.flatMap(({ treatment }) => treatment ?? []).join(arrow),
    showings.map(({ occurrences }) => String(occurrences)).join(arrow),
    showings.map(({ distinct }) => countWords(distinct)).join(arrow),
    ...figureCells(showings.map(({ figures }) => figures)),
  ];
}

function figureCells(figures: readonly Figures[]): string[] {
  return [
    figures.map(({ shannon, sample }) => bitsWords(shannon, sample.shannon)).join(arrow),
    figures.map(({ min, sample }) => bitsWords(min, sample.min)).join(arrow),
    figures.map(({ sets }) => shareWords(sets.unique)).join(arrow),
    figures.map(({ sets }) => sets.smallest.join(' ')).join(arrow),
  ];
}

/** Returns an entropy in words with its interval; without an interval, that of the clients themselves. */
function bitsWords({ value, interval }: Estimate, sample: number): string {
  if (interval === undefined) return bits(sample);
  return `${bits(value)} (${bits(interval.low)}–${bits(interval.high)})`;
}

function bits(value: number): string {
  return value === Infinity ? '∞' : value.toFixed(2);
}

function shareWords({ value, interval }: Estimate): string {
  if (interval === undefined) return percent(value);
  return `${percent(value)} (${percent(interval.low)}–${percent(interval.high)})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`;
}

function countWords({ value, interval }: Estimate): string {
  if (interval === undefined || interval.low === interval.high) return String(value);
  return `about ${value} (${Math.round(interval.low)}–${Math.round(interval.high)})`;
}

/** Returns the figures with one number per cell, and one row per field and stage. */
export function auditTable(report: AuditReport): ReportDocument {
  const stages = ['received', ...report.policies.map(({ name }) => name)];
  const rows = report.audiences.flatMap(({ audience, fields, groups }) => [
    ...groups.flatMap(({ group, figures }) =>
      figures.map((each, index) => [
        audience,
        group,
        'together',
        stages[index]!,
        '',
        '',
        '',
        ...numbers(each),
      ]),
    ),
    ...fields.flatMap(({ field, aspect, showings }) =>
      showings.map((showing, index) => [
        audience,
        field,
        aspect,
        stages[index]!,
        ...countsOf(showing),
        ...numbers(showing.figures),
      ]),
    ),
  ]);
  const estimates = ['shannon', 'min-entropy', 'views', 'unique'];
  const columns = [
    'audience',
    'fields',
    'aspect',
    'stage',
    'treatment',
    'occurrences',
    'different values',
    'clients',
    ...estimates.flatMap((name) => [name, `${name} low`, `${name} high`]),
    'shannon of the sample',
    'min-entropy of the sample',
    'smallest sets',
  ];
  return {
    title: 'Audit of a recording',
    facts: [],
    alarm: undefined,
    sections: [{ title: 'Figures', table: { columns, rows } }],
  };
}

function countsOf({ treatment = '', occurrences, distinct }: Showing): string[] {
  return [treatment, String(occurrences), String(distinct.value)];
}

function numbers({ frequencies, shannon, min, views, sets, sample }: Figures): string[] {
  return [
    String(frequencies.total),
    ...[shannon, min, views, sets.unique].flatMap(({ value, interval }) => [
      String(value),
      interval === undefined ? '' : String(interval.low),
      interval === undefined || interval.high === Infinity ? '' : String(interval.high),
    ]),
    String(sample.shannon),
    String(sample.min),
    sets.smallest.join(' '),
  ];
}
