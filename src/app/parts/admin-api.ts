/** The operator's API of a running proxy. */
import type { AdminApi, PoliciesSummary, PolicySummary } from '../../http/admin/api.ts';
import type { FileStates } from '../../observability/file-states.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { SessionGauge } from '../../observability/session-gauge.ts';
import { circumstancesOf } from '../../policy/circumstances.ts';
import { describeTreatment } from '../../policy/describe.ts';
import { summariseExceptions } from '../../policy/exceptions.ts';
import { explain } from '../../policy/explain.ts';
import type { Policy } from '../../policy/policy.ts';
import { audienceNames } from '../../policy/schema.ts';
import { StreamError } from '../../stanza/error.ts';
import type { Clock } from '../clock.ts';
import type { Proxy } from '../proxy.ts';
import { createWire } from '../tools/wire.ts';
import { auditViewOf } from './audit-view.ts';
import type { PolicyRuntime } from './policies.ts';

export interface AdminApiOptions {
  readonly metrics: Pick<Metrics, 'values'>;
  readonly gauge: SessionGauge;
  readonly files: FileStates;
  /** Reads every watched file again. */
  readonly refresh: () => Promise<void>;
  /** Starts to stop the proxy. */
  readonly drain: () => void;
  readonly clock: Clock;
}

export function createAdminApi(
  proxy: Proxy,
  { metrics, gauge, files, refresh, drain, clock }: AdminApiOptions,
): AdminApi {
  const { policies } = proxy;
  return {
    sessions: () => gauge.counts(),
    refusal(text) {
      const found = proxy.supportCodes.lookUp(text);
      if (found.kind !== 'kept') return found.kind;
      const { phase, code, minute } = found.refusal;
      return { phase, code, minute: `${new Date(minute).toISOString().slice(0, 16)}Z` };
    },
    exposure: proxy.exposure,
    audit: (gatekeeper) => auditViewOf(proxy, gatekeeper, { metrics, gauge, now: clock.wall() }),
    policy: () => policiesOf(policies, clock.wall()),
    explain: ({ from, stanza, listener, claims, region, ...session }) => {
      const direction = from === 'client' ? 'to-gatekeeper' : 'to-client';
      const { gatekeeper = '', account = '' } = session;
      const scope = policies.scopeOf(gatekeeper);
      const share = account === '' ? 0 : policies.shareOf(gatekeeper, account);
      const { enforced, share: shares } = scope.documents;
      const circumstances = circumstancesOf({ listener, claims, region });
      try {
        return explain(share === 0 ? enforced : shares[share - 1]!.policy, direction, stanza, {
          catalogue: policies.catalogue,
          names: policies.names,
          wire: createWire(),
          pseudonyms: scope.inForceFor(share).enforced.pseudonyms!,
          clock: clock.wall,
          ...circumstances,
          ...session,
        });
      } catch (error) {
        if (error instanceof SyntaxError || error instanceof StreamError) return undefined;
        throw error;
      }
    },
    async reload() {
      await refresh();
      return files.summary();
    },
    drain,
    shed: (share) => proxy.streams.shed(share),
  };
}

/** Returns the policies of the top level, and of the gatekeepers that have their own. */
function policiesOf({ scopes }: PolicyRuntime, now: number): PoliciesSummary {
  const [top, ...others] = scopes.map(({ name, state, digest, documents: { enforced, shadow, share } }) => ({
    gatekeeper: name.gatekeeper ?? '',
    summary: {
      state,
      digest,
      enforced: summary(enforced, now),
      shadow: shadow === undefined ? null : summary(shadow, now),
      share: share.map(({ percent, policy }) => ({ percent, policy: summary(policy, now) })),
    },
  }));
  return {
    ...top!.summary,
    gatekeepers: Object.fromEntries(others.map((scope) => [scope.gatekeeper, scope.summary])),
  };
}

function summary(policy: Policy, now: number): PolicySummary {
  const { name, lineage, mode, unlisted, matrix } = policy;
  const audiences = audienceNames.map((audience) => [
    audience,
    Object.fromEntries(
      [...matrix[audience].values()].map(({ field, treatment }) => [field, describeTreatment(treatment)]),
    ),
  ]);
  return {
    name,
    lineage,
    mode,
    unlisted,
    audiences: Object.fromEntries(audiences) as PolicySummary['audiences'],
    exceptions: summariseExceptions(policy, now),
  };
}
