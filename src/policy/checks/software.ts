/** Whether a policy hides in one place which client it is, and shows it in another. */
import { errorAt, type Diagnostic } from '../diagnostic.ts';
import { treatmentOf, type Policy, type Rule } from '../policy.ts';

const version = 'version.iq';
/** Fields that show which client or system it is. */
const fingerprints = ['style.fingerprint', 'conn.tls-fingerprint', 'conn.tcp-fingerprint'] as const;

/** Warns of a gatekeeper that is denied the version of a client (XEP-0092) and shown its fingerprints, and of the reverse:
 *  what is hidden in one place is read in the other. Only what this file says itself is warned of. */
export function warnOfShownSoftware(policy: Policy): Diagnostic[] {
  const kindOf = (field: string): string => treatmentOf(policy, 'gatekeeper', field).treatment.kind;
  const own = [version, ...fingerprints]
    .map((field) => policy.matrix.gatekeeper.get(field))
    .find((rule) => rule?.policy === policy.name);
  if (own === undefined) return [];
  const dropped = fingerprints.filter((field) => kindOf(field) === 'drop');
  if (['refuse', 'answer'].includes(kindOf(version))) {
    const shown = fingerprints.filter((field) => !dropped.includes(field)).join(', ');
    if (shown === '') return [];
    const reason = `the version of the client is hidden, and these show which client it is: ${shown}`;
    return [warn(own, reason, 'Drop them too, or accept the warning with the reason')];
  }
  if (kindOf(version) !== 'keep' || dropped.length === 0) return [];
  const reason = `the client tells its version on request (${version}: keep), and these are hidden: ${dropped.join(', ')}`;
  return [warn(own, reason, `Write ${version}: { answer: { name: …, version: … } }`)];
}

function warn({ place, field }: Rule, reason: string, remedy: string): Diagnostic {
  return errorAt(place, 'WARN_POLICY_FINGERPRINT', reason, { field, audience: 'gatekeeper', remedy });
}
