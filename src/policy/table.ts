import type { Decision } from '../stanza/verdict.ts';
import type { RewrittenAddress } from '../minimisation/media-address.ts';
import type { StanzaCondition } from '../minimisation/treatment.ts';
import type { Matcher } from './match.ts';
import type { SessionView } from './session-view.ts';

/** Returns the new value; `undefined` withholds it. */
export type Transform = (value: string, session: SessionView) => string | undefined;

/** Like `Transform`, for a value in a buffer that has no references.
 *  @returns escaped bytes to write in its place, `undefined` to withhold it, `null` to leave it */
export type TransformAt = (
  bytes: Buffer,
  from: number,
  to: number,
  session: SessionView,
) => Uint8Array | undefined | null;

/** Returns a media address as the receiver may see it. */
export type AddressTreatment = (address: string, session: SessionView) => RewrittenAddress;

/** The effect of a rule where its selector matches. */
export type Effect =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'refuse'; readonly condition: StanzaCondition }
  /** Replaces the value. */
  | { readonly kind: 'transform'; readonly transform: Transform; readonly transformAt?: TransformAt }
  /** Sets an attribute of the element to the lower value of what it has; '' stands for no attribute. */
  | { readonly kind: 'lower'; readonly attribute: string; readonly values: ReadonlyMap<string, string> }
  /** Seals or opens addresses. The decision is counted where an address was changed. */
  | { readonly kind: 'address'; readonly words: boolean; readonly rewrite: AddressTreatment }
  /** Replaces the element by a constant one. */
  | { readonly kind: 'substitute'; readonly payload: Uint8Array }
  /** Answers an iq get in place of the recipient. */
  | { readonly kind: 'answer'; readonly payload: string }
  | { readonly kind: 'delay'; readonly upToMs: number }
  /** An answer that leaves a fixed time after the delivery of the stanza that it names; with 0 at once, unless that
   *  stanza was awaited with another time. `names` is the attribute with the id, undefined for the stanza's own. */
  | {
      readonly kind: 'equalise';
      readonly field: string;
      readonly afterMs: number;
      readonly names: string | undefined;
    }
  /** A request whose answer leaves a fixed time after its delivery; with 0 at once. */
  | { readonly kind: 'await'; readonly afterMs: number; readonly names: string | undefined }
  | { readonly kind: 'pad'; readonly buckets: readonly number[] }
  /** Sends the stanza in normal form. */
  | { readonly kind: 'normalise' };

export interface TableRule {
  /** Tests the element; undefined when its name alone decides. */
  readonly matches: Matcher | undefined;
  readonly effect: Effect;
  /** The decision to count; undefined for rules that hide nothing, such as mapping a pseudonym back. */
  readonly decision: Decision | undefined;
  /** Whether withholding the value removes the element. */
  readonly dropsElement: boolean;
  readonly part: 'whole' | 'own-resource' | 'peer-resource';
  /** Whether the JID is in an XMPP URI (RFC 5122). */
  readonly inUri: boolean;
  /** Bits of `flag` that the rule sets on the element. */
  readonly flags: number;
}

/** Facts about an element while it is open, as bits. */
export const flag = {
  /** Its unprefixed attributes, its text and its children of the same namespace belong to its field. */
  owner: 1,
  /** It is removed once everything in it was dropped. */
  wrapper: 2,
  /** It never is the content of a message by itself. */
  auxiliary: 4,
  /** A part of it was dropped. */
  lost: 8,
  /** A part of it remains. */
  content: 16,
  /** It is the subject of a message. Without body and thread the message changes the room's subject (XEP-0045 §8.1). */
  subject: 32,
  /** It is a body or thread. */
  speech: 64,
  /** A subject in it remains. */
  hasSubject: 128,
  /** A body or thread in it remains. */
  hasSpeech: 256,
  /** A body or thread in it was dropped. */
  lostSpeech: 512,
  /** It is an answer whose time is equalised. */
  answer: 1_024,
  /** A part of it remains that is no such answer. */
  hasOther: 2_048,
  /** Its content is a payload: not part of it, whatever its namespace. */
  payload: 4_096,
} as const;

/** The rules for one attribute name. */
export interface AttributeRules {
  /** Namespace id; 0 for none. */
  readonly namespace: number;
  readonly local: number;
  readonly rules: readonly TableRule[];
  /** The decisions when every value stays unchanged, as most do; undefined when they depend on the value. */
  readonly kept: readonly Decision[] | undefined;
}

/** All rules for elements of one name. */
export interface Entry {
  /** Whether fields may be inside or on such elements, so that they are listed anywhere. */
  container: boolean;
  readonly elements: TableRule[];
  readonly texts: TableRule[];
  readonly attributes: AttributeRules[];
  /** Rules for attributes without a prefix that have no rules of their own. */
  others: AttributeRules | undefined;
}

export function emptyEntry(): Entry {
  return { container: false, elements: [], texts: [], attributes: [], others: undefined };
}

/** Returns the rules for one attribute with one more. */
export function withRule(
  known: readonly TableRule[],
  rule: TableRule,
): Pick<AttributeRules, 'rules' | 'kept'> {
  const rules = [...known, rule];
  const isSure = rules.every(
    ({ matches, effect, part }) => !matches && effect.kind === 'keep' && part === 'whole',
  );
  const decisions = rules.flatMap(({ decision }) => (decision === undefined ? [] : [decision]));
  return { rules, kept: isSure ? decisions : undefined };
}

/** Entries by namespace id and local name id. A look-up costs one multiplication and usually one comparison, however
 *  many entries there are. */
export class DecisionTable {
  readonly #keys: Int32Array;
  readonly #entries: readonly (Entry | undefined)[];
  readonly #mask: number;
  /** Entries of namespaces all of whose names are listed, by namespace id. */
  readonly #open: ReadonlyMap<number, Entry>;
  /** Rules for attributes of any element, by namespace and local name. */
  readonly anywhere: readonly AttributeRules[];
  /** 1 for every namespace id in the catalogue. */
  readonly listed: Uint8Array;

  constructor(
    entries: ReadonlyMap<number, Entry>,
    open: ReadonlyMap<number, Entry>,
    anywhere: readonly AttributeRules[],
    listed: Uint8Array,
  ) {
    const size = 1 << Math.max(4, Math.ceil(Math.log2(entries.size * 4 + 1)));
    const slots: (Entry | undefined)[] = Array.from({ length: size }, () => undefined);
    this.#keys = new Int32Array(size);
    this.#mask = size - 1;
    for (const [key, entry] of entries) {
      let slot = spread(key) & this.#mask;
      while (this.#keys[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#keys[slot] = key;
      slots[slot] = entry;
    }
    this.#entries = slots;
    this.#open = open;
    this.anywhere = anywhere;
    this.listed = listed;
  }

  /** Returns the entry for an element by ids on the tape; undefined when the catalogue lacks it. */
  find(namespace: number, local: number): Entry | undefined {
    if (namespace <= 0) return undefined;
    if (local !== 0) {
      const key = keyOf(namespace, local);
      let slot = spread(key) & this.#mask;
      while (this.#keys[slot] !== 0) {
        if (this.#keys[slot] === key) return this.#entries[slot];
        slot = (slot + 1) & this.#mask;
      }
    }
    return this.#open.size === 0 ? undefined : this.#open.get(namespace);
  }
}

/** Returns the key of a name, never 0, since ids begin at 1. There are at most 2^15 namespaces and 2^16 local names;
 *  compiling refuses more. */
export function keyOf(namespace: number, local: number): number {
  return (namespace << 16) | local;
}

/** Returns the namespace id of a key. */
export function namespaceOfKey(key: number): number {
  return key >>> 16;
}

function spread(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
