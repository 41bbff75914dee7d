import type { Catalogue } from '../catalogue.ts';
import { errorAt, type Diagnostic } from '../diagnostic.ts';
import type { Policy } from '../policy.ts';

/** Warns of a policy that refuses the presence with which a client comes online (RFC 6121 §4.2): a stanza is refused as a
 *  whole, so its user would stay offline. Only what this file says itself is warned of. */
export function warnOfRefusedPresence(policy: Policy, catalogue: Catalogue): Diagnostic[] {
  const rules = [...policy.matrix.gatekeeper.values()].filter(
    ({ treatment, policy: author, field }) =>
      treatment.kind === 'refuse' &&
      author === policy.name &&
      catalogue.fields.get(field)?.classes.includes('in-presence'),
  );
  const found = rules.map(({ field, place }) => {
    const reason = 'refuse refuses the whole presence in which it stands: the user never comes online';
    return errorAt(place, 'WARN_POLICY_OFFLINE', reason, {
      field,
      audience: 'gatekeeper',
      remedy: 'Use drop',
    });
  });
  if (policy.unlisted !== 'refuse' || policy.unlistedPlace?.file !== policy.file) return found;
  const reason =
    'unlisted: refuse refuses a presence for one element that the catalogue does not know: its user never comes online';
  return [
    ...found,
    errorAt(policy.unlistedPlace, 'WARN_POLICY_OFFLINE', reason, { remedy: 'Use unlisted: drop' }),
  ];
}
