/** A short run of the agreement (test/long/agreement.ts), and that a disagreement is found and made small. */
import { expect, it } from 'vitest';
import { readTree } from '../reference/tree.ts';
import { longRun } from '../long/agreement.ts';
import { Bench, newCounts } from './agreement.ts';
import { describeTriple } from './shrink.ts';
import { generateSession, now } from './sessions.ts';
import { Random } from '../support/random.ts';
import { TripleGenerator, type Triple } from './triples.ts';
import type { PolicyDocument } from './policies.ts';
import { spell } from './write.ts';

it('engine and reference give each audience the same', { timeout: 120_000 }, async () => {
  const { figures, failures } = await longRun.run({ count: 3_000, seed: 20_261_129, progress: () => {} });
  expect(failures).toEqual([]);
  expect(figures['triples']).toBe(3_000);
  for (const name of ['of these, changed', 'dropped', 'answered in place of the receiver'])
    expect(Number(figures[name]), name).toBeGreaterThan(30);
});

it('the same seed gives the same triples', () => {
  const generator = new TripleGenerator();
  const [one, other] = [1, 2].map(() => generator.block(3, 7));
  expect(one!.map(({ stanza }) => spell(stanza))).toEqual(other!.map(({ stanza }) => spell(stanza)));
  expect(JSON.stringify(one![0]!.policies)).toBe(JSON.stringify(other![0]!.policies));
});

const document = (rules: Record<string, string>): PolicyDocument => ({
  apiVersion: 'narthex/v1',
  kind: 'MetadataPolicy',
  metadata: { name: 'generated' },
  spec: { extends: 'passthrough', audiences: { gatekeeper: rules } },
});

function triple(stanza: string, rules: Record<string, string>): Triple {
  const session = {
    ...generateSession(new Random(1), 'gk', 0),
    listener: undefined,
    claims: undefined,
    region: undefined,
    startedAt: now,
  };
  return {
    policies: { gk: { generated: document(rules) } },
    stanza: readTree(stanza),
    direction: 'to-gatekeeper',
    number: 0,
    session,
  };
}

it('a difference between policies is a difference between what both give', () => {
  const stanza =
    "<message to='a@b.example'><body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>";
  const kept = new Bench(triple(stanza, {}).policies);
  const other = triple(stanza, { 'chat-state': 'drop' });
  expect(kept.compare(triple(stanza, {}), newCounts())).toBeUndefined();
  expect(new Bench(other.policies).compare(other, newCounts())).toBeUndefined();
  expect(describeTriple(other)).toContain('chat-state');
});
