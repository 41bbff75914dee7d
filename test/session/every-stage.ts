import { Enforcement } from '../../src/policy/enforcement.ts';
import { defaultAdvertisementLimits } from '../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../src/capabilities/content-kinds.ts';
import { openPolicy } from '../../src/app/files/policies.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { capabilitiesStage } from '../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../src/session/capabilities/content-filter-stage.ts';
import { bearerFailureGuard } from '../../src/session/negotiation/bearer-failure.ts';
import { boundTokens } from '../../src/session/negotiation/bound-tokens.ts';
import { channelBindingGuard } from '../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../src/session/negotiation/guard.ts';
import { streamLimitsStage } from '../../src/session/negotiation/stream-limits.ts';
import { policyStage } from '../../src/session/policy/policy-stage.ts';
import { setOf, shipped, table } from '../capabilities/shipped.ts';
import { catalogue, media, pseudonyms, today } from '../policy/fixtures.ts';
import { Legs, type LegsOptions } from './legs.ts';

const names = vocabularyOf(catalogue, contentVocabulary(table));

const compiledPolicies = new Map<string | Policy, CompiledPolicy>();

/** Compiled once, as a process shares it. */
function compile(policy: string | Policy): CompiledPolicy {
  const known = compiledPolicies.get(policy);
  if (known !== undefined) return known;
  const opened = typeof policy === 'string' ? openPolicy(policy) : policy;
  const compiled = new CompiledPolicy(opened, { catalogue, names, pseudonyms, media });
  compiledPolicies.set(policy, compiled);
  return compiled;
}

/** Legs with the stages of the product between them, by default without chance.
 *  @param policy a name of those that ship, or another one
 *  @param profile of those that ship; for every client
 *  @param time of the relay; the process's by default */
export function connectThroughEveryStage(
  policy: string | Policy,
  profile: string,
  {
    random = () => 0.5,
    ...legs
  }: Pick<LegsOptions, 'now' | 'schedule' | 'limits' | 'reports' | 'resumptions'> & {
    readonly random?: () => number;
  } = {},
): Legs {
  const compiled = compile(policy);
  let ids = 0;
  const { match: _, ...forEverybody } = shipped.get(profile)!;
  const capabilities = new CapabilitySessions({
    policy: { profiles: setOf(forEverybody), table },
    cache: new CapabilityCache(),
    names,
    limits: defaultAdvertisementLimits,
    random: () => 0.5,
    newId: () => `own${(ids += 1)}`,
    observer: { asked: () => {}, answered: () => {}, held: () => {}, filtered: () => {} },
  });
  const policies = { enforced: compiled, shadow: undefined };
  return new Legs({
    ...legs,
    names,
    stages: [
      negotiationGuard,
      streamLimitsStage(() => ({ preAuthStanzaBytesMax: 10_000, stanzaBytesMax: 262_144, idleMs: 0 })),
      channelBindingGuard,
      boundTokens,
      bearerFailureGuard,
      capabilitiesStage(capabilities),
      contentFilterStage(capabilities),
      policyStage({
        enforcement: new Enforcement({ policies: () => policies, decided: () => {} }),
        clock: () => today,
        random,
      }),
    ],
  });
}
