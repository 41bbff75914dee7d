/** A report about a whole configuration: one report for each of its views, and statements about what surrounds them. */
import type { Catalogue } from '../../policy/catalogue.ts';
import { isShown } from '../../policy/catalogue.ts';
import { describeTreatment } from '../../policy/describe.ts';
import { treatmentOf } from '../../policy/policy.ts';
import { audienceNames } from '../../policy/schema.ts';
import { policySections } from '../../config/scopes.ts';
import { exposureReport, type ExposureReport, type FieldCounts } from '../exposure.ts';
import { capabilitySettings, connectionSettings } from './connections.ts';
import { operationSettings } from './operations.ts';
import { keptUnder, type Kept } from './retention.ts';
import { serviceSettings } from './services.ts';
import type { Setting } from './setting.ts';
import { surroundingsOf, type Deployment } from './surroundings.ts';
import { timingSettings } from './timing.ts';
import { viewsOf, type ConfiguredDocuments, type View } from './views.ts';

/** A report about the clients of one view. */
export interface ViewReport<Report> {
  readonly gatekeeper: string;
  readonly domains: readonly string[];
  readonly listeners: readonly string[];
  /** Share of the accounts, in percent. */
  readonly percent: number;
  /** Names of the capability profiles that a client can be given. */
  readonly profiles: readonly string[];
  readonly report: Report;
}

/** A field that would appear otherwise if the shadow policy were enforced. */
export interface ShadowChange {
  readonly gatekeeper: string;
  readonly audience: string;
  readonly field: string;
  readonly now: string;
  readonly inShadow: string;
}

/** How the clients of a gatekeeper authenticate. */
export interface Login {
  readonly gatekeeper: string;
  /** By a token of the provider, which the proxy verifies; otherwise at the gatekeeper, through the proxy. */
  readonly byToken: boolean;
}

export interface Surroundings {
  readonly login: readonly Login[];
  readonly connections: readonly Setting[];
  readonly capabilities: readonly Setting[];
  readonly services: readonly Setting[];
  readonly timing: readonly Setting[];
  readonly kept: readonly Kept[];
  readonly operations: readonly Setting[];
  readonly shadow: readonly ShadowChange[];
}

export interface ConfigurationReport<Report> {
  /** The file as the command names it. */
  readonly configuration: string;
  readonly views: readonly ViewReport<Report>[];
  readonly surroundings: Surroundings;
}

export interface ConfigurationSources {
  readonly file: string;
  readonly deployment: Deployment;
  readonly documents: ConfiguredDocuments;
  readonly catalogue: Catalogue;
  /** Returns the decisions of a view's policy at its gatekeeper; undefined without a source of counts. */
  readonly counts?: ((view: View) => FieldCounts) | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function configurationReport({
  file,
  deployment,
  documents,
  catalogue,
  counts,
  now,
}: ConfigurationSources): ConfigurationReport<ExposureReport> {
  const views = viewsOf(deployment.config, documents);
  const reports = views.map((view) => ({
    view,
    report: exposureReport({
      policy: view.policy,
      digest: view.digest,
      catalogue,
      counts: counts?.(view),
      surroundings: surroundingsOf(deployment, view, catalogue),
      now,
    }),
  }));
  return {
    configuration: file,
    views: reports.map(({ view, report }) => viewReport(view, report)),
    surroundings: {
      login: deployment.config.gatekeepers.map(({ name, channelBinding }) => ({
        gatekeeper: name,
        byToken: channelBinding === 'reauthenticate',
      })),
      connections: connectionSettings(deployment),
      capabilities: capabilitySettings(views, deployment),
      services: serviceSettings(deployment),
      timing: distinct(
        reports.flatMap(({ view, report }) => timingSettings(deployment, view, report.rows, catalogue)),
      ),
      kept: keptUnder(deployment),
      operations: operationSettings(deployment),
      shadow: shadowChanges(deployment, documents, catalogue),
    },
  };
}

/** Returns the report with the views of one gatekeeper only. */
export function reportAt<Report>(
  report: ConfigurationReport<Report>,
  gatekeeper: string,
): ConfigurationReport<Report> {
  return { ...report, views: report.views.filter((view) => view.gatekeeper === gatekeeper) };
}

/** Makes another report of each view. */
export function mapViews<From, To>(
  report: ConfigurationReport<From>,
  change: (view: ViewReport<From>, index: number) => To,
): ConfigurationReport<To> {
  return {
    ...report,
    views: report.views.map((view, index) => ({ ...view, report: change(view, index) })),
  };
}

function viewReport(
  { gatekeeper, domains, listeners, percent, profiles }: View,
  report: ExposureReport,
): ViewReport<ExposureReport> {
  return {
    gatekeeper,
    domains,
    listeners,
    percent,
    profiles: profiles.map(({ profile }) => profile.name),
    report,
  };
}

function distinct(settings: readonly Setting[]): readonly Setting[] {
  return [...new Map(settings.map((each) => [JSON.stringify(each), each])).values()];
}

function shadowChanges(
  { config }: Deployment,
  documents: ConfiguredDocuments,
  catalogue: Catalogue,
): readonly ShadowChange[] {
  return policySections(config).flatMap(({ section: { file, shadow }, gatekeepers }) => {
    if (shadow === undefined) return [];
    const [enforced, other] = [file, shadow].map((each) => documents.policy(each).policy) as [
      View['policy'],
      View['policy'],
    ];
    const changes = audienceNames.flatMap((audience) =>
      [...catalogue.fields.values()]
        .filter(({ name }) => isShown(catalogue, name, audience))
        .map(({ name: field }) => {
          const [now, inShadow] = [enforced, other].map((policy) =>
            describeTreatment(treatmentOf(policy, audience, field).treatment),
          ) as [string, string];
          return { audience, field, now, inShadow };
        })
        .filter(({ now, inShadow }) => now !== inShadow),
    );
    return gatekeepers.flatMap((gatekeeper) => changes.map((change) => ({ gatekeeper, ...change })));
  });
}
