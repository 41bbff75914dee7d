import { coarsenTo } from './coarsen.ts';
import { keep } from './keep.ts';
import { replaceWith } from './replace.ts';
import type { Treatment, ValueTreatment } from './treatment.ts';

/** Treats a value that is in no stanza: an address, an HTTP header, a fingerprint. Treatments of time and size leave it
 *  unchanged.
 *  @param hide returns the pseudonym in the caller's field and scope
 *  @returns undefined when the value is withheld */
export function treatValue(value: string, treatment: Treatment, hide: ValueTreatment): string | undefined {
  switch (treatment.kind) {
    case 'drop':
    case 'lower':
    case 'refuse':
    case 'answer':
      return undefined;
    case 'replace':
      return replaceWith(treatment.value)(value);
    case 'coarsen':
      return coarsenTo(treatment.to)(value);
    case 'pseudonymise':
      return hide(value);
    default:
      return keep(value);
  }
}
