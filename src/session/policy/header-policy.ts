/** Attributes of stream headers under the policy in force (RFC 6120 §4.7): each is treated for its audience.
 *  Attributes that no standard defines are never forwarded, as the rest of a peer's header is not (stream/write.ts).
 *  A replaced attribute is also written where the header lacks it, so that its absence reveals nothing. */
import { treatValue } from '../../minimisation/value.ts';
import type { CompiledPolicy, RulingContext } from '../../policy/compile.ts';
import type { Circumstances } from '../../policy/condition.ts';
import type { Enforcement } from '../../policy/enforcement.ts';
import type { PolicySubject } from '../../policy/subject.ts';
import { audienceOf, type Direction } from '../../stanza/direction.ts';
import { fixedDecisions, type Decision } from '../../stanza/verdict.ts';

/** Values by attribute name. */
type HeaderAttributes = ReadonlyMap<string, string>;

/** Returns the attributes of a peer's header, as the other side may see them. */
export type HeaderView = (
  attributes: HeaderAttributes,
  direction: Direction,
  facts: PolicySubject & Circumstances,
) => HeaderAttributes;

interface HeaderPolicyOptions {
  readonly enforcement: Enforcement;
  readonly clock: () => number;
}

/** Makes the view of headers under the policies in force.
 *  @param clock returns milliseconds since 1970 */
export function headerPolicy({ enforcement, clock }: HeaderPolicyOptions): HeaderView {
  return (received, direction, { gatekeeper, listener, region, knownClaims }) => {
    const context = { gatekeeper, listener, region, knownClaims, now: clock() };
    const audience = audienceOf(direction);
    return enforcement.apply(
      context,
      audience,
      (policy) => filterHeader(policy, received, direction, context),
      ({ decisions }) => ({ attributes: received, decisions }),
    ).attributes;
  };
}

/** Attributes that every stream needs. */
const structure: readonly string[] = ['to', 'version'];

const initiating = { from: 'stream.from', 'xml:lang': 'stream.lang' };

/** Fields by attribute. A client's header has no identifier (RFC 6120 §4.7.3). */
const fields: Readonly<Record<Direction, Readonly<Record<string, string>>>> = {
  'to-gatekeeper': initiating,
  'to-client': { ...initiating, id: 'stream.id' },
};

const unknownAttribute: Decision = {
  id: fixedDecisions.headerAttribute,
  field: 'unlisted',
  treatment: 'drop',
  reason: 'not an attribute of stream headers',
};

function filterHeader(
  policy: CompiledPolicy,
  received: HeaderAttributes,
  direction: Direction,
  context: RulingContext,
): { attributes: HeaderAttributes; decisions: readonly Decision[] } {
  const attributes = new Map<string, string>();
  const decisions: Decision[] = [];
  const audience = audienceOf(direction);
  const known = fields[direction];
  for (const [name, value] of received) {
    if (structure.includes(name)) {
      attributes.set(name, value);
      continue;
    }
    const field = Object.hasOwn(known, name) ? known[name] : undefined;
    if (field === undefined) {
      decisions.push(unknownAttribute);
      continue;
    }
    const { treatment, decision } = policy.ruling(audience, field, context);
    decisions.push(decision);
    const seen = treatValue(value, treatment, () => undefined);
    if (seen !== undefined) attributes.set(name, seen);
  }
  for (const [name, field] of Object.entries(known)) {
    const { treatment, decision } = policy.ruling(audience, field, context);
    if (treatment.kind !== 'replace' || received.has(name)) continue;
    decisions.push(decision);
    attributes.set(name, treatment.value);
  }
  return { attributes, decisions };
}
