import type { Decision } from '../stanza/verdict.ts';
import type { RewrittenAddress } from '../minimisation/media-address.ts';
import type { StanzaCondition } from '../minimisation/treatment.ts';
import type { Matcher } from './match.ts';
import type { SessionView } from './session-view.ts';

/** What a rule does to a value; `undefined` withholds it. */
export type Transform = (value: string, session: SessionView) => string | undefined;

/** The same for a value that stands in the bytes as it is: what is to be written there instead, escaped. `undefined`
 *  withholds it, `null` leaves it. */
export type TransformAt = (
  bytes: Buffer,
  from: number,
  to: number,
  session: SessionView,
) => Uint8Array | undefined | null;

/** What is shown of an address. */
export type AddressTreatment = (address: string, session: SessionView) => RewrittenAddress;

/** What a rule does where its selector matches. */
export type Effect =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'refuse'; readonly condition: StanzaCondition }
  /** The value becomes another. */
  | { readonly kind: 'transform'; readonly transform: Transform; readonly transformAt?: TransformAt }
  /** Addresses that are sealed or opened; the decision counts where that changed something. */
  | { readonly kind: 'address'; readonly words: boolean; readonly rewrite: AddressTreatment }
  /** A constant element takes the place of this one. */
  | { readonly kind: 'substitute'; readonly payload: Uint8Array }
  /** An iq get that the proxy answers itself. */
  | { readonly kind: 'answer'; readonly payload: string }
  | { readonly kind: 'delay'; readonly upToMs: number }
  | { readonly kind: 'pad'; readonly buckets: readonly number[] }
  /** The stanza leaves in normal form. */
  | { readonly kind: 'normalise' };

export interface TableRule {
  /** Undefined: the name alone decides. */
  readonly matches: Matcher | undefined;
  readonly effect: Effect;
  /** Undefined for what hides nothing, e.g. mapping a pseudonym back. */
  readonly decision: Decision | undefined;
  /** Withholding the value takes the element with it. */
  readonly dropsElement: boolean;
  readonly part: 'whole' | 'own-resource' | 'peer-resource';
  /** Bits of `flag` for the element that the rule matches. */
  readonly flags: number;
}

/** What is known of an element, while it is open. */
export const flag = {
  /** Its unprefixed attributes, its text and its children of the same namespace are part of it. */
  owner: 1,
  /** It goes when everything in it was dropped. */
  wrapper: 2,
  /** It never is the content of a message by itself. */
  auxiliary: 4,
  /** Something in it was dropped. */
  lost: 8,
  /** Something in it remains. */
  content: 16,
  /** It is the subject of a message: a change of the room's, unless the message has a body or thread (XEP-0045 §8.1). */
  subject: 32,
  /** It is a body or thread. */
  speech: 64,
  /** A subject in it remains. */
  hasSubject: 128,
  /** A body or thread in it remains. */
  hasSpeech: 256,
  /** A body or thread in it was dropped. */
  lostSpeech: 512,
} as const;

/** The rules for one attribute. */
export interface AttributeRules {
  /** Interned, 0 for none. */
  readonly namespace: number;
  readonly local: number;
  readonly rules: readonly TableRule[];
  /** The decisions when every value stays as it is, as most do; undefined when that depends. */
  readonly kept: readonly Decision[] | undefined;
}

/** Everything that the policy says about elements of one name. */
export interface Entry {
  /** Fields are looked for in or on such elements, so they may stand anywhere. */
  container: boolean;
  readonly elements: TableRule[];
  readonly texts: TableRule[];
  readonly attributes: AttributeRules[];
}

export function emptyEntry(): Entry {
  return { container: false, elements: [], texts: [], attributes: [] };
}

/** The rules for one attribute, with one more. */
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

/** Entries by interned namespace and local name. One multiplication and, mostly, one comparison per look-up,
 *  however many entries there are. */
export class DecisionTable {
  readonly #keys: Int32Array;
  readonly #entries: readonly (Entry | undefined)[];
  readonly #mask: number;
  /** Namespaces all of whose names are known, by id. */
  readonly #open: ReadonlyMap<number, Entry>;
  /** Attributes of any element, by namespace and local name. */
  readonly anywhere: readonly AttributeRules[];
  /** 1 for every namespace id that the catalogue mentions. */
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

  /** The entry for an element; undefined when the catalogue does not know it. Ids as on the tape. */
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

/** Never 0, since ids begin at 1. 2^15 namespaces and 2^16 local names; compiling refuses more. */
export function keyOf(namespace: number, local: number): number {
  return (namespace << 16) | local;
}

function spread(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
