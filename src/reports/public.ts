/** A page for the users of a provider, in plain language: what the gatekeeper can see of them, what it cannot, and what is
 *  kept. It names no file, address or setting of the operator. */
import type { ConfigurationReport } from './configuration/configuration.ts';
import type { Kept, KeptAt } from './configuration/retention.ts';
import type { ReportDocument, ReportSection } from './document.ts';
import type { Appearance, ExposureReport, ExposureRow } from './exposure.ts';
import { visibleTo, type VisibleField } from './visible.ts';

export interface PublicNames {
  /** What the page calls the provider. */
  readonly provider: string;
  /** What it calls the gatekeeper. */
  readonly gatekeeper: string;
}

/** One kind of information. */
export interface PublicField {
  readonly title: string;
  readonly reveals: string;
  readonly category: ExposureRow['category'];
  /** In plain words, such as `rounded`. */
  readonly how: string;
}

export interface PublicReport extends PublicNames {
  readonly figures: {
    readonly sees: number;
    readonly seesChanged: number;
    readonly withheld: number;
    readonly appWithheld: number;
  };
  readonly sees: readonly PublicField[];
  readonly seesChanged: readonly PublicField[];
  readonly withheld: readonly PublicField[];
  /** What the app of a user does not receive of the gatekeeper's users. */
  readonly appWithheld: readonly PublicField[];
  /** Whether everything above is in force, or only on trial. */
  readonly isEnforced: boolean;
  readonly exceptions: number;
  readonly kept: readonly Pick<Kept, 'what' | 'where' | 'bound'>[];
  /** Digests of the policies, for those who want to compare. */
  readonly digests: readonly string[];
}

/** @param report with the views of one gatekeeper only, at least one */
export function publicReport(
  report: ConfigurationReport<ExposureReport>,
  { provider, gatekeeper }: PublicNames,
): PublicReport {
  const reports = report.views.map((view) => view.report);
  const { whole, changed, withheld, isEnforced } = visibleTo(reports);
  const app = visibleTo(reports, 'client').withheld;
  return {
    provider,
    gatekeeper,
    figures: {
      sees: whole.length,
      seesChanged: changed.length,
      withheld: withheld.length,
      appWithheld: app.length,
    },
    sees: whole.map(publicField),
    seesChanged: changed.map(publicField),
    withheld: withheld.map(publicField),
    appWithheld: app.map(publicField),
    isEnforced,
    exceptions: Math.max(
      ...reports.map(({ exceptions }) => exceptions.filter(({ expired }) => !expired).length),
    ),
    kept: report.surroundings.kept.map(({ what, where, bound }) => ({ what, where, bound })),
    digests: [...new Set(reports.map(({ digest }) => digest))],
  };
}

/** What each treatment does to a value, in the words of a user. */
const plainWords: Readonly<Record<Appearance['treatment'], string>> = {
  keep: 'as it is',
  delay: 'as it is, some time later',
  equalise: 'at a time that does not tell when your device answered',
  pad: 'with its length rounded up',
  coarsen: 'rounded or shortened',
  lower: 'less than your app says',
  pseudonymise: 'as a name that only we can map back',
  replace: 'the same text for all users',
  answer: 'our own answer, the same for all users',
  drop: 'not at all',
  refuse: 'not at all',
  absent: 'not at all',
};

function publicField({ row: { title, reveals, category }, appearance }: VisibleField): PublicField {
  return { title, reveals, category, how: plainWords[appearance.treatment] };
}

const categoryTitles: Readonly<Record<ExposureRow['category'], string>> = {
  identity: 'Who you are',
  'social-graph': 'Whom you know',
  activity: 'What you do',
  timing: 'When you do it',
  location: 'Where you are',
  device: 'Which device and app you use',
  'content-hint': 'What your messages are like',
  secret: 'Keys and passwords',
};

/** Renders the page. */
export function publicDocument(report: PublicReport): ReportDocument {
  const { provider, gatekeeper, figures, digests } = report;
  return {
    title: `${provider}: what ${gatekeeper} can see of you`,
    facts: [],
    alarm: report.isEnforced
      ? undefined
      : 'A part of these rules is on trial and not in force yet. What they withhold is listed as seen.',
    sections: [
      { title: 'In short', text: inShort(report), bars: [shares(report)] },
      { title: 'What no service can hide', text: unavoidable(gatekeeper) },
      {
        title: `What ${gatekeeper} sees of you`,
        text: `${figures.sees} kinds of information, as they are. What your app encrypts from end to end is not among them: of this, only the length.`,
      },
      ...byCategory(report.sees),
      {
        title: `What ${gatekeeper} sees in another form`,
        text: `${figures.seesChanged} kinds of information.`,
        table: fieldTable(report.seesChanged, true),
      },
      { title: `What ${gatekeeper} does not see`, text: `${figures.withheld} kinds of information.` },
      ...byCategory(report.withheld),
      {
        title: 'What your app does not receive',
        text: `${figures.appWithheld} kinds of information about the people you write to.`,
        table: fieldTable(report.appWithheld, false),
      },
      keptSection(report),
      {
        title: 'Your messages',
        text: `Messages that your app encrypts from end to end pass through us unread. We cannot open them, and ${gatekeeper} cannot either.`,
      },
      { title: 'For those who want to verify', text: `Digest of the rules in force: ${digests.join(', ')}.` },
    ],
  };
}

function inShort({ provider, gatekeeper, figures, exceptions }: PublicReport): string {
  const others =
    exceptions === 0 ? '' : ` For some users other rules hold: there are ${exceptions} exceptions.`;
  return (
    `You write to people at ${gatekeeper} through ${provider}. We know ${figures.sees + figures.seesChanged + figures.withheld} ` +
    `kinds of information that could reach ${gatekeeper} with your messages. It sees ${figures.sees} of them as they are, ` +
    `${figures.seesChanged} in another form, and ${figures.withheld} not at all.${others}`
  );
}

/** Returns the sentences on what stays visible whatever the policy says (SECURITY.md, "What stays visible"). */
function unavoidable(gatekeeper: string): string {
  return (
    `${gatekeeper} delivers your messages. So it learns whom you write to, when, and roughly how much. ` +
    'It also learns that you use us.'
  );
}

function shares({ figures, gatekeeper }: PublicReport): NonNullable<ReportSection['bars']>[number] {
  return {
    label: `What ${gatekeeper} sees`,
    parts: [
      { name: 'as it is', count: figures.sees },
      { name: 'in another form', count: figures.seesChanged },
      { name: 'not at all', count: figures.withheld },
    ],
  };
}

function byCategory(fields: readonly PublicField[]): readonly ReportSection[] {
  return Object.entries(categoryTitles).flatMap(([category, title]): ReportSection[] => {
    const own = fields.filter((field) => field.category === category);
    return own.length === 0 ? [] : [{ title, level: 3, table: fieldTable(own, false) }];
  });
}

function fieldTable(fields: readonly PublicField[], withHow: boolean): NonNullable<ReportSection['table']> {
  return {
    columns: ['what', 'what it can tell', ...(withHow ? ['how it is seen'] : [])],
    rows: fields.map(({ title, reveals, how }) => [title, reveals, ...(withHow ? [how] : [])]),
  };
}

const placeWords: Readonly<Record<KeptAt, string>> = {
  nowhere: 'not kept',
  memory: 'in memory only',
  store: 'sealed, in a store that our servers share',
  disk: 'on disk',
};

function keptSection({ kept }: PublicReport): ReportSection {
  return {
    title: 'What we keep, and how long',
    table: {
      columns: ['what', 'where', 'at most'],
      rows: kept.map(({ what, where, bound }) => [what, placeWords[where], bound]),
    },
  };
}
