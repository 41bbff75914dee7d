/** Metadata minimisation: the eleven treatments that a policy may name for a field, one file each.
 *
 *  A treatment of a value is a function to the value that may be seen; a treatment of an element or a stanza is a
 *  function from its place on the tape to an edit. Fields, rules and audiences are in `policy/`. Treatments never
 *  throw on input from the wire: a value that cannot be treated is withheld. */

/** Every treatment, ordered by how much remains visible, most first. */
export const treatmentNames = [
  'keep',
  'delay',
  'equalise',
  'pad',
  'coarsen',
  'lower',
  'pseudonymise',
  'replace',
  'answer',
  'drop',
  'refuse',
] as const;

export type TreatmentName = (typeof treatmentNames)[number];

/** The scope within which a pseudonym stays the same; outside of it the same value has another. */
export type PseudonymScope = 'session' | 'account' | 'conversation' | 'gatekeeper';

/** One treatment with its parameters resolved: durations in milliseconds, sizes in bytes. */
export type Treatment =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'replace'; readonly value: string }
  | { readonly kind: 'pseudonymise'; readonly scope: PseudonymScope; readonly rotateMs?: number }
  | { readonly kind: 'coarsen'; readonly to: Grain }
  /** The next lower value of those that the catalogue lists for the field. */
  | { readonly kind: 'lower' }
  | { readonly kind: 'pad'; readonly buckets: readonly number[] }
  | { readonly kind: 'delay'; readonly upToMs: number }
  | { readonly kind: 'equalise'; readonly afterMs: number }
  | { readonly kind: 'answer'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'refuse'; readonly condition: StanzaCondition };

/** The grain to which a value is rounded. */
export type Grain =
  | { readonly unit: 'time'; readonly grainMs: number }
  | { readonly unit: 'bytes'; readonly grainBytes: number }
  | { readonly unit: 'address'; readonly ipv4Bits: number; readonly ipv6Bits: number }
  | { readonly unit: 'version' }
  | { readonly unit: 'language' };

/** Stanza error conditions with which a policy may refuse (RFC 6120 §8.3.3). */
export const stanzaConditions = [
  'policy-violation',
  'forbidden',
  'not-allowed',
  'not-acceptable',
  'service-unavailable',
  'feature-not-implemented',
  'item-not-found',
] as const;

export type StanzaCondition = (typeof stanzaConditions)[number];

/** Returns the value that may be seen; `undefined` withholds it. */
export type ValueTreatment = (value: string) => string | undefined;
