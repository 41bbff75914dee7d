/** Asks the stages of a session one after the other. Pure: dispatch.ts writes, counts and queues. */
import type { Direction } from '../stanza/direction.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { forward, type Disposition, type Edit, type SendOptions } from '../stanza/verdict.ts';
import type { Stage, StageFactory } from './stage.ts';

/** Names of the stages in the order in which they see a stanza, in both directions: what may pass, the negotiation,
 *  the client's capabilities, the policy. */
export const stageOrder: readonly string[] = [
  'negotiation-guard',
  'chat-guard',
  'stream-limits',
  'channel-binding',
  'bound-tokens',
  'bearer-failure',
  'reauthentication',
  'capabilities',
  'content-filter',
  'policy',
];

/** Returns the stages in their order.
 *  @throws RangeError for an unknown name, or one that occurs twice */
export function inStageOrder(stages: readonly StageFactory[]): readonly StageFactory[] {
  const unknown = stages.find(({ name }) => !stageOrder.includes(name));
  if (unknown !== undefined) throw new RangeError(`no such stage: ${unknown.name}`);
  if (new Set(stages.map(({ name }) => name)).size < stages.length)
    throw new RangeError('a stage is there twice');
  return stages.toSorted((one, other) => stageOrder.indexOf(one.name) - stageOrder.indexOf(other.name));
}

/** Asks the stages from `first` on, until one of them does not forward the stanza.
 *  @returns `forward` itself when none of them changes it; else all edits and send options together
 *  @throws StreamError of the stage that closes the stream */
export function decide(
  stages: readonly Stage[],
  stanza: Stanza,
  direction: Direction,
  first = 0,
): Disposition {
  let edits: readonly Edit[] | undefined;
  let options: SendOptions | undefined;
  for (let index = first; index < stages.length; index += 1) {
    const disposition = stages[index]!.judge(stanza, direction);
    if (disposition === forward) continue;
    if (disposition.kind === 'close') throw disposition.error;
    if (disposition.kind === 'drop') return disposition;
    if (disposition.kind === 'hold') return { ...disposition, ...options, edits: edits ?? [], stage: index };
    if (disposition.edits !== undefined && disposition.edits.length > 0)
      edits = edits === undefined ? disposition.edits : [...edits, ...disposition.edits];
    options = joined(options, disposition);
  }
  if (edits === undefined && options === undefined) return forward;
  return { kind: 'forward', edits: edits ?? [], ...options };
}

/** Joins the options of two stages: the longer delay, the later padding, normal form if either asks for it. */
export function joined(one: SendOptions | undefined, other: SendOptions): SendOptions | undefined {
  const { normalise = false, padTo, delayMs = 0, answers, awaits } = other;
  const isTimed = delayMs > 0 || answers !== undefined || awaits !== undefined;
  if (!normalise && padTo === undefined && !isTimed) return one;
  return {
    normalise: one?.normalise === true || normalise,
    padTo: padTo ?? one?.padTo,
    delayMs: Math.max(one?.delayMs ?? 0, delayMs),
    answers: answers ?? one?.answers,
    awaits: awaits ?? one?.awaits,
  };
}
