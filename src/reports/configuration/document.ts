/** A report about a configuration as a document: the sections of each view, then what surrounds them. */
import type { ReportDocument, ReportSection } from '../document.ts';
import type { ConfigurationReport, Surroundings, ViewReport } from './configuration.ts';
import type { Setting } from './setting.ts';

const settingTitles = {
  connections: 'Connections',
  capabilities: 'Capabilities',
  services: 'Opting in, push and media',
  timing: 'Times of answers',
  operations: 'Operation',
} as const;

/** Statements that a document can have. */
export type SurroundingPart = Exclude<keyof Surroundings, 'login'>;

/** Renders every view by `documentOf`. @param parts statements that the report needs */
export function configurationDocument<Report>(
  { configuration, views, surroundings }: ConfigurationReport<Report>,
  documentOf: (report: Report, index: number) => ReportDocument,
  parts: readonly SurroundingPart[],
): ReportDocument {
  const documents = views.map(({ report }, index) => documentOf(report, index));
  const alarms = documents.filter(({ alarm }) => alarm !== undefined);
  const alarm = alarms[0]?.alarm;
  return {
    title: documents[0]?.title ?? '',
    facts: [
      ['configuration', configuration],
      ['views', String(views.length)],
    ],
    alarm:
      alarm === undefined || alarms.length === views.length
        ? alarm
        : `${alarms.length} of ${views.length} views: ${alarm}`,
    sections: [
      ...views.flatMap((view, index) => viewSections(view, documents[index]!, views.length)),
      ...parts.flatMap((part) => surroundingSections(surroundings, part)),
    ],
  };
}

function viewSections<Report>(
  { gatekeeper, domains, listeners, percent, profiles }: ViewReport<Report>,
  { facts, sections }: ReportDocument,
  count: number,
): readonly ReportSection[] {
  const name = `${gatekeeper}, ${listeners.join(' and ')}${percent === 100 ? '' : `, ${percent} % of accounts`}`;
  const rows = [
    ['gatekeeper', gatekeeper],
    ['domains', domains.join(', ')],
    ['listeners', listeners.join(', ')],
    ['accounts', `${percent} %`],
    ['capability profiles', profiles.length === 0 ? 'none' : profiles.join(', ')],
    ...facts.map(([fact, value]) => [fact, value]),
  ];
  return [
    { title: `View: ${name}`, table: { columns: ['fact', 'value'], rows } },
    ...sections.map((section) =>
      count === 1 ? section : { ...section, title: `${section.title} (${name})` },
    ),
  ];
}

function surroundingSections(surroundings: Surroundings, part: SurroundingPart): readonly ReportSection[] {
  if (part === 'kept') {
    const rows = surroundings.kept.map(({ what, where, bound, source }) => [what, where, bound, source]);
    return [{ title: 'What is kept', table: { columns: ['what', 'where', 'at most', 'source'], rows } }];
  }
  if (part === 'shadow') return shadowSection(surroundings.shadow);
  const columns = ['about', 'statement', 'source'];
  const rows = surroundings[part].map(({ about, says, source }: Setting) => [about, says, source]);
  return [{ title: settingTitles[part], table: { columns, rows } }];
}

function shadowSection(changes: Surroundings['shadow']): readonly ReportSection[] {
  if (changes.length === 0) return [];
  return [
    {
      title: 'What the shadow policy would change',
      table: {
        columns: ['gatekeeper', 'audience', 'field', 'now', 'under the shadow policy'],
        rows: changes.map(({ gatekeeper, audience, field, now, inShadow }) => [
          gatekeeper,
          audience,
          field,
          now,
          inShadow,
        ]),
      },
    },
  ];
}
