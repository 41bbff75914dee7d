import { coarsenTo } from './coarsen.ts';
import { keep } from './keep.ts';
import { replaceWith } from './replace.ts';
import type { Treatment, ValueTreatment } from './treatment.ts';

/** What is seen of a value that is in no stanza: an address, a header of HTTP, a fingerprint.
 *  @param hide gives the pseudonym; its caller knows field and scope.
 *  @returns undefined when the value is withheld. Treatments of time and size leave the value as it is. */
export function treatValue(value: string, treatment: Treatment, hide: ValueTreatment): string | undefined {
  switch (treatment.kind) {
    case 'drop':
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
