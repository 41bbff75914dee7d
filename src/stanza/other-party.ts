import type { Direction } from './direction.ts';
import type { Stanza } from './stanza.ts';

/** Returns the key of the other party of a stanza; '' when no attribute names one. Stanzas with the same key keep
 *  their order (RFC 6120 §10.1). */
export function otherParty(stanza: Stanza, direction: Direction): string {
  const { partyAttributes, partyOf } = stanza.protocol;
  for (const name of partyAttributes[direction]) {
    const address = stanza.attributeValue(0, name);
    const party = address === undefined ? '' : partyOf(address);
    if (party !== '') return party;
  }
  return '';
}
