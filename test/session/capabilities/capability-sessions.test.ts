import { expect, it } from 'vitest';
import { defaultAdvertisementLimits } from '../../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { capabilitiesStage } from '../../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../../src/session/capabilities/capability-sessions.ts';
import type { SessionFacts } from '../../../src/session/facts.ts';
import type { Stage, StagePort } from '../../../src/session/stage.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { profileOf, setOf, table } from '../../capabilities/shipped.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import { stanzaOf } from '../../capabilities/stanza-of.ts';
import { Random } from '../../support/random.ts';

const sessions = 5_000;
const { readvertiseJitterMs } = defaultAdvertisementLimits;
const secondMs = 1_000;

it(`a new profile is spread over the jitter, once for each of ${sessions} sessions`, () => {
  const names = createVocabulary(contentVocabulary(table));
  const generator = new Random(7);
  const shared = new CapabilitySessions({
    policy: { profiles: setOf(profileOf('receives: { text: true }')), table },
    cache: new CapabilityCache(),
    names,
    limits: defaultAdvertisementLimits,
    random: () => generator.below(1_000) / 1_000,
    newId: () => 'id',
    observer: { asked: () => {}, answered: () => {}, held: () => {}, filtered: () => {} },
  });
  let now = 0;
  const tasks = new Map<object, { readonly at: number; readonly run: () => void }>();
  /** Presences sent again, by the second in which they were. */
  const repeated: number[] = Array.from({ length: readvertiseJitterMs / secondMs + 10 }, () => 0);
  const port = (): StagePort => ({
    context: {
      domain: 'a.example',
      listener: 'clients',
      account: 'a@a.example',
      claims: noClaims,
    } as SessionFacts,
    now: () => now,
    schedule: (milliseconds, run) => {
      const task = {};
      tasks.set(task, { at: now + milliseconds, run });
      return () => tasks.delete(task);
    },
    inject: () => {},
    repeat: () => (repeated[Math.floor(now / secondMs)]! += 1),
    settleClaims: () => {},
    identify: () => {},
    logInInline: () => {},
  });
  const stages: Stage[] = [];
  for (let count = 0; count < sessions; count += 1) {
    const stage = capabilitiesStage(shared).begin(port());
    expect(stage.judge(stanzaOf('<presence/>', names), 'to-gatekeeper').kind).toBe('forward');
    stages.push(stage);
  }

  shared.replace({ profiles: setOf(profileOf('receives: { text: true, reaction: true }')), table });
  // Written again before the first is out: one advertisement all the same.
  shared.replace({ profiles: setOf(profileOf('receives: { text: true, reply: true }')), table });
  expect(repeated[0]).toBe(0);
  expect(tasks.size).toBe(sessions);
  for (const [task, { at, run }] of [...tasks].toSorted(([, one], [, other]) => one.at - other.at)) {
    now = at;
    tasks.delete(task);
    run();
  }

  const perSecond = sessions / (readvertiseJitterMs / secondMs);
  const within = repeated.slice(0, readvertiseJitterMs / secondMs);
  expect(within.reduce((sum, count) => sum + count, 0)).toBe(sessions);
  expect(Math.max(...within)).toBeLessThan(1.5 * perSecond);
  expect(Math.min(...within)).toBeGreaterThan(perSecond / 2);
  expect(tasks.size).toBe(0);
  for (const stage of stages) stage.end?.();
});
