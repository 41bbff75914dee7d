/** Shows for one stanza under one policy: before, after, and the decisions. */
import { paddingOf } from '../minimisation/pad.ts';
import type { MediaAddresses } from '../minimisation/media-address.ts';
import type { Pseudonyms } from '../minimisation/pseudonymise.ts';
import type { Direction } from '../stanza/direction.ts';
import type { Names } from '../stanza/names.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { Circumstances } from './condition.ts';
import type { Catalogue } from './catalogue.ts';
import { CompiledPolicy } from './compile.ts';
import { Decider } from './decide.ts';
import type { Policy } from './policy.ts';
import type { Wire } from './wire.ts';

/** The effect of the proxy on one stanza. */
export interface Effect {
  /** The stanza that is sent on, without its padding; '' when none is. */
  readonly after: string;
  /** The reply to the sender; '' without one. */
  readonly reply: string;
  /** Bytes of white space after the stanza. */
  readonly padding: number;
  /** The longest delay of the stanza, in milliseconds. */
  readonly delayUpToMs: number;
  /** Milliseconds after the delivery of the answered stanza at which it leaves; 0 for at once. */
  readonly equalisedAfterMs: number;
  /** Milliseconds after its delivery at which its answer leaves; 0 when the policy does not set it. */
  readonly answerAfterMs: number;
  readonly normalise: boolean;
}

type ExplainedDecision = Omit<Decision, 'id'>;

/** The effect on real traffic: under `mode: shadow` the stanza is sent on unchanged. */
export interface Explanation extends Effect {
  readonly policy: string;
  readonly mode: Policy['mode'];
  readonly direction: Direction;
  readonly before: string;
  /** Under `mode: shadow`, the effect if the policy were enforced. */
  readonly ifEnforced?: Effect;
  /** The decisions, which `mode: shadow` only counts. */
  readonly decisions: readonly ExplainedDecision[];
}

export interface ExplainOptions extends Circumstances {
  readonly catalogue: Catalogue;
  readonly names: Names;
  readonly wire: Wire;
  readonly pseudonyms: Pseudonyms;
  /** Seals media addresses; without it they stay as they are. */
  readonly media?: MediaAddresses;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
  /** Bare JID of the session's account. */
  readonly account?: string;
  readonly gatekeeper?: string;
}

/** Returns the effect of a policy on the stanza in `text`.
 *  @throws SyntaxError, StreamError when the text is not one stanza */
export function explain(
  policy: Policy,
  direction: Direction,
  text: string,
  options: ExplainOptions,
): Explanation {
  const { effect, decisions } = enforce(policy, direction, text, options);
  const { name, mode } = policy;
  const subject = { policy: name, mode, direction, before: text };
  if (mode === 'enforce') return { ...subject, ...effect, decisions };
  const unchanged: Effect = {
    after: text,
    reply: '',
    padding: 0,
    delayUpToMs: 0,
    equalisedAfterMs: 0,
    answerAfterMs: 0,
    normalise: false,
  };
  return { ...subject, ...unchanged, ifEnforced: effect, decisions };
}

function enforce(
  policy: Policy,
  direction: Direction,
  text: string,
  options: ExplainOptions,
): { readonly effect: Effect; readonly decisions: readonly ExplainedDecision[] } {
  const { names, wire, clock, account = '', gatekeeper = 'gatekeeper' } = options;
  const { listener, knownClaims, region } = options;
  const compiled = new CompiledPolicy({ ...policy, mode: 'enforce' }, options);
  const context = {
    gatekeeper,
    account,
    listener,
    knownClaims,
    region,
    resource: '',
    session: 'explain',
    startedAt: clock(),
  };
  const decider = new Decider(compiled, direction, context, { clock, random: () => 1 });
  const stanza = wire.parse(text, names);
  const { verdict, decisions, delayMs, normalise, padTo, answers, awaits } = decider.decide(stanza);
  const edits = verdict.kind === 'forward' ? (verdict.edits ?? []) : [];
  const leaving = verdict.kind === 'forward' ? wire.write(stanza, edits) : new Uint8Array(0);
  const padding = verdict.kind === 'forward' && padTo !== undefined ? paddingOf(leaving.length, padTo) : 0;
  const reply = verdict.kind === 'drop' ? Buffer.from(verdict.reply ?? []).toString() : '';
  const after = Buffer.from(leaving).toString();
  const effect = {
    after,
    reply,
    padding,
    delayUpToMs: delayMs,
    equalisedAfterMs: answers?.afterMs ?? 0,
    answerAfterMs: Math.max(0, ...(awaits ?? []).map(({ afterMs }) => afterMs)),
    normalise,
  };
  return {
    effect,
    decisions: decisions.map(({ field, treatment, reason }) => ({ field, treatment, reason })),
  };
}
