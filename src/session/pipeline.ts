/** The stages of a session, asked one after the other. Nothing is written, counted or queued here: dispatch.ts applies
 *  what comes out. */
import type { Direction } from '../stanza/direction.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { forward, type Disposition, type Edit, type SendOptions } from '../stanza/verdict.ts';
import type { Stage, StageFactory } from './stage.ts';

/** Stages in the order in which they see a stanza, in both directions: first what may pass at all, then what changes the
 *  negotiation, then what stands for the client, last what the policy hides. */
export const stageOrder: readonly string[] = [
  'negotiation-guard',
  'channel-binding',
  'reauthentication',
  'capabilities',
  'content-filter',
  'policy',
];

/** @returns the stages in their order. @throws RangeError for a name that is not in it, or is there twice */
export function inStageOrder(stages: readonly StageFactory[]): readonly StageFactory[] {
  const unknown = stages.find(({ name }) => !stageOrder.includes(name));
  if (unknown !== undefined) throw new RangeError(`no such stage: ${unknown.name}`);
  if (new Set(stages.map(({ name }) => name)).size < stages.length)
    throw new RangeError('a stage is there twice');
  return stages.toSorted((one, other) => stageOrder.indexOf(one.name) - stageOrder.indexOf(other.name));
}

/** Asks the stages from `first` on, until one of them does not forward the stanza.
 *  @returns `forward` itself when all of them leave the stanza as it is; else their edits and send options together
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

/** The options of two stages: the longer delay, the later padding, normal form if one wants it. */
export function joined(one: SendOptions | undefined, other: SendOptions): SendOptions | undefined {
  const { normalise = false, padTo, delayMs = 0 } = other;
  if (!normalise && padTo === undefined && delayMs === 0) return one;
  return {
    normalise: one?.normalise === true || normalise,
    padTo: padTo ?? one?.padTo,
    delayMs: Math.max(one?.delayMs ?? 0, delayMs),
  };
}
