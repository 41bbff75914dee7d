/** The operator's API of a running proxy. */
import type { AdminApi, PolicySummary } from '../../http/admin/api.ts';
import type { FileStates } from '../../observability/file-states.ts';
import type { SessionGauge } from '../../observability/session-gauge.ts';
import { describeTreatment } from '../../policy/describe.ts';
import { summariseExceptions } from '../../policy/exceptions.ts';
import { explain } from '../../policy/explain.ts';
import type { Policy } from '../../policy/policy.ts';
import { audienceNames } from '../../policy/schema.ts';
import { StreamError } from '../../stanza/error.ts';
import type { Clock } from '../clock.ts';
import type { Proxy } from '../proxy.ts';
import { createWire } from '../tools/wire.ts';

export interface AdminApiOptions {
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
  { gauge, files, refresh, drain, clock }: AdminApiOptions,
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
    policy: () => ({
      state: policies.state,
      digest: policies.digest,
      enforced: summary(policies.documents.enforced, clock.wall()),
      shadow:
        policies.documents.shadow === undefined ? null : summary(policies.documents.shadow, clock.wall()),
    }),
    explain: ({ from, stanza, ...session }) => {
      const direction = from === 'client' ? 'to-gatekeeper' : 'to-client';
      try {
        return explain(policies.documents.enforced, direction, stanza, {
          catalogue: policies.catalogue,
          names: policies.names,
          wire: createWire(),
          pseudonyms: policies.current.enforced.pseudonyms!,
          clock: clock.wall,
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
