/** What several stages say of one stanza is one disposition. */
import { describe, expect, it } from 'vitest';
import { channelBindingGuard } from '../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../src/session/negotiation/guard.ts';
import { decide, inStageOrder, stageOrder } from '../../src/session/pipeline.ts';
import type { Stage, StageFactory } from '../../src/session/stage.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { forward, type Disposition } from '../../src/stanza/verdict.ts';
import { stanzaOf } from '../capabilities/stanza-of.ts';
import { vocabulary } from '../support/scan.ts';

const stanza = stanzaOf("<message to='romeo@montague.example'/>", vocabulary);
const edit = (at: number): { start: number; end: number; replacement: Uint8Array } => ({
  start: at,
  end: at,
  replacement: Buffer.from(`${at}`),
});

/** Asks stages that answer this, one each. @returns the disposition, and how many were asked */
function asked(answers: readonly Disposition[], first = 0): { disposition: Disposition; count: number } {
  let count = 0;
  const stages: readonly Stage[] = answers.map((answer) => ({
    judge: () => {
      count += 1;
      return answer;
    },
  }));
  return { disposition: decide(stages, stanza, 'to-gatekeeper', first), count };
}

describe('the disposition of a stanza', () => {
  it('is the one object `forward` when no stage changes anything', () => {
    expect(
      asked([forward, { kind: 'forward' }, { kind: 'forward', edits: [], delayMs: 0 }]).disposition,
    ).toBe(forward);
    expect(asked([]).disposition).toBe(forward);
  });

  it('has the edits of all stages in their order, and the strictest of their send options', () => {
    const { disposition } = asked([
      { kind: 'forward', edits: [edit(1)], delayMs: 20, padTo: [64] },
      forward,
      { kind: 'forward', edits: [edit(2)], normalise: true, padTo: [128], delayMs: 10 },
    ]);
    expect(disposition).toEqual({
      kind: 'forward',
      edits: [edit(1), edit(2)],
      normalise: true,
      padTo: [128],
      delayMs: 20,
    });
  });

  it('is that of the first stage that drops it; later ones are not called', () => {
    const drop: Disposition = { kind: 'drop', reply: Buffer.from('<iq/>') };
    expect(asked([{ kind: 'forward', edits: [edit(1)] }, drop, forward])).toEqual({
      disposition: drop,
      count: 2,
    });
  });

  it('keeps the edits of stages before one holds it, and which stage that is', () => {
    const keep = (): void => {};
    const { disposition, count } = asked([
      { kind: 'forward', edits: [edit(1)], normalise: true },
      { kind: 'hold', keep },
      forward,
    ]);
    expect(disposition).toMatchObject({ kind: 'hold', keep, edits: [edit(1)], normalise: true, stage: 1 });
    expect(count).toBe(2);
  });

  it('calls later stages only, for a stanza that was held', () => {
    const drop: Disposition = { kind: 'drop' };
    expect(asked([drop, drop, forward], 2)).toEqual({ disposition: forward, count: 1 });
  });

  it('is no disposition when a stage closes the stream', () => {
    const error = new StreamError('policy-violation', { code: 'ERR_NEGOTIATION' });
    expect(() => asked([{ kind: 'close', error }])).toThrow(error);
  });
});

describe('the order of stages', () => {
  const named = (name: string): StageFactory => ({ name, begin: () => ({ judge: () => forward }) });

  it('is the named one, however they are given', () => {
    const stages = [...stageOrder].toReversed().map(named);
    expect(inStageOrder(stages).map(({ name }) => name)).toEqual(stageOrder);
    expect(inStageOrder([channelBindingGuard, negotiationGuard])).toEqual([
      negotiationGuard,
      channelBindingGuard,
    ]);
  });

  it('has no place for an unknown stage, nor for one twice', () => {
    expect(() => inStageOrder([named('unknown')])).toThrow(RangeError);
    expect(() => inStageOrder([negotiationGuard, negotiationGuard])).toThrow(RangeError);
  });
});
