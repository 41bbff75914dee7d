/** The chain that every stanza passes in both directions. A stage sees a stanza and what the session has settled,
 *  and answers with a verdict; it never writes bytes. The same list serves both directions. */
import type { Direction } from '../stanza/direction.ts';
import { forward, type Edit, type Verdict } from '../stanza/verdict.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Phase } from './phase.ts';

/** What a session has settled, by phase: `domain` and `gatekeeper` from `routing` on. */
export interface StageContext {
  readonly phase: Phase;
  /** The XMPP domain of the stream. */
  readonly domain: string;
  /** The operator's name for the gatekeeper. */
  readonly gatekeeper: string;
  readonly channelBinding: 'same-certificate' | 'upstream-without-plus';
}

export interface Stage {
  readonly name: string;
  judge(stanza: Stanza, direction: Direction, context: StageContext): Verdict;
}

/** Runs the chain: the first stage that does not forward decides, edits of those before it add up. */
export function judge(
  stages: readonly Stage[],
  stanza: Stanza,
  direction: Direction,
  context: StageContext,
): Verdict {
  let edits: Edit[] | undefined;
  for (const stage of stages) {
    const verdict = stage.judge(stanza, direction, context);
    if (verdict.kind !== 'forward') return verdict;
    if (verdict.edits === undefined || verdict.edits.length === 0) continue;
    edits = edits === undefined ? [...verdict.edits] : [...edits, ...verdict.edits];
  }
  return edits === undefined ? forward : { kind: 'forward', edits };
}
