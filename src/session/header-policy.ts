/** Stream headers under the policy in force: what of RFC 6120 §4.7 has a name in the catalogue appears as its audience
 *  may see it, and what nobody knows gets the treatment of what nobody knows. */
import type { Treatment } from '../minimisation/treatment.ts';
import { treatValue } from '../minimisation/value.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { audienceOf, type Direction } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { StreamHeader } from '../stream/header.ts';
import type { PolicyStageOptions } from './policy-stage.ts';

/** A header on its way. */
export type HeaderView = (header: StreamHeader, direction: Direction, gatekeeper: string) => StreamHeader;

export function headerPolicy({
  policies,
  decided,
  clock,
}: Pick<PolicyStageOptions, 'policies' | 'decided' | 'clock'>): HeaderView {
  return (header, direction, gatekeeper) => {
    const context = { gatekeeper, now: clock() };
    const audience = audienceOf(direction);
    const { enforced, shadow } = policies();
    if (shadow !== undefined)
      decided(audience, 'shadow', attributesUnder(shadow, header, direction, context).decisions);
    const { attributes, decisions } = attributesUnder(enforced, header, direction, context);
    const enforces = enforced.mode === 'enforce';
    decided(audience, enforces ? 'enforced' : 'shadow', decisions);
    return enforces ? { ...header, attributes } : header;
  };
}

/** What a stream cannot do without. */
const structure: readonly string[] = ['to', 'version'];

const fields: Readonly<Record<string, string>> = {
  from: 'stream.from',
  id: 'stream.id',
  'xml:lang': 'stream.lang',
};

function attributesUnder(
  policy: CompiledPolicy,
  header: StreamHeader,
  direction: Direction,
  context: { readonly gatekeeper: string; readonly now: number },
): { attributes: ReadonlyMap<string, string>; decisions: readonly Decision[] } {
  const audience = audienceOf(direction);
  const attributes = new Map<string, string>();
  const decisions: Decision[] = [];
  for (const [name, value] of header.attributes) {
    if (structure.includes(name)) {
      attributes.set(name, value);
      continue;
    }
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    let treatment: Treatment = { kind: policy.unlisted === 'keep' ? 'keep' : 'drop' };
    if (field === undefined) decisions.push(policy.unlistedDecision(0));
    else {
      const ruling = policy.ruling(audience, field, context);
      decisions.push(ruling.decision);
      ({ treatment } = ruling);
    }
    const seen = treatValue(value, treatment, () => undefined);
    if (seen !== undefined) attributes.set(name, seen);
  }
  return { attributes, decisions };
}
