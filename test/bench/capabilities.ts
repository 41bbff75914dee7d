/** What the capability stages cost on top of the scanner: next to nothing for what is no presence and no question. */
import { defaultAdvertisementLimits } from '../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../src/capabilities/content-kinds.ts';
import { capabilitiesStage } from '../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../src/session/capabilities/content-filter-stage.ts';
import type { SessionFacts } from '../../src/session/facts.ts';
import type { Stage, StagePort } from '../../src/session/stage.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { setOf, shipped, table } from '../capabilities/shipped.ts';
import { noClaims } from '../../src/stanza/ownership-claims.ts';
import { stanzaOf } from '../capabilities/stanza-of.ts';
import { byRound, timeInTurns } from './measure.ts';
import { batchOf, batchStanzas, scanning } from './policy-cases.ts';
import type { Bench, Row } from './row.ts';
import { spreadOf } from './statistics.ts';
import { typicalStanzas, type TypicalStanza } from './typical-stanzas.ts';

/** What the stages may add, in microseconds. */
const budget = 2;

const names = createVocabulary(contentVocabulary(table));

export const capabilitiesBench: Bench = {
  name: 'capabilities',
  summary:
    'CPU time per stanza in process that the capability stages add to the scanner in the same round, with the shipped ' +
    'profile `desktop`. A hot loop, as in the policy rows.',
  run: ({ rounds }) => typicalStanzas.flatMap((stanza) => rowsOf(stanza, rounds)),
};

/** The stanza as its client sends it, and as it reaches a client: the filter looks at what arrives. */
function rowsOf({ name, write }: TypicalStanza, rounds: number | undefined): Row[] {
  const batch = batchOf(write);
  return (['to-gatekeeper', 'to-client'] as const).map((direction) => {
    const stages = session();
    const [base, cost] = timeInTurns(
      [
        scanning(names, batch, () => 1),
        scanning(names, batch, (stanza) => {
          let edits = 0;
          for (const stage of stages) {
            const verdict = stage.judge(stanza, direction satisfies Direction);
            if (verdict.kind !== 'forward') return 1;
            edits += verdict.edits?.length ?? 0;
          }
          return edits;
        }),
      ],
      rounds,
    );
    const more = byRound((without, with_) => (with_ - without) / batchStanzas / 1_000, base!, cost!);
    return {
      name: `capabilities: ${name}, ${direction}`,
      byteLength: write(0).length,
      figure: spreadOf(more),
      unit: 'µs',
      ratio: spreadOf(more.map((each) => each / budget)),
      yardstick: `${budget} µs`,
      ...(name.includes('chat') ? { aim: 1 } : {}),
    };
  });
}

/** The stages of a session whose client has sent its presence. */
function session(): Stage[] {
  const shared = new CapabilitySessions({
    policy: { profiles: setOf(shipped.get('desktop')!), table },
    cache: new CapabilityCache(),
    names,
    limits: defaultAdvertisementLimits,
    random: Math.random,
    newId: () => 'id',
    observer: { asked: () => {}, answered: () => {}, held: () => {}, filtered: () => {} },
  });
  const port: StagePort = {
    context: {
      domain: 'example.org',
      listener: 'clients',
      account: 'alice@example.org',
      claims: noClaims,
    } as SessionFacts,
    now: () => 0,
    schedule: () => () => {},
    inject: () => {},
    repeat: () => {},
    settleClaims: () => {},
    identify: () => {},
    logInInline: () => {},
  };
  const stages = [capabilitiesStage(shared), contentFilterStage(shared)].map((factory) =>
    factory.begin(port),
  );
  for (const stage of stages) stage.judge(stanzaOf('<presence/>', names), 'to-gatekeeper');
  return stages;
}
