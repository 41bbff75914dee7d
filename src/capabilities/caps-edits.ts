/** Replaces the `<c/>` elements of a presence on the tape: all present ones are removed, the proxy's are added in
 *  one place. */
import { appendContent, removeElement } from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** Returns edits after which exactly `elements` are the capabilities in `parent`, as its last children.
 *  @param elements as in `Advertisement.elements`; '' to remove all
 *  @param parent tape index; the stanza itself unless the carrier is inside (an iq's payload) */
export function capsEdits(stanza: Stanza, elements: string, parent = 0): Edit[] {
  const edits: Edit[] = [];
  for (let at = stanza.firstChild(parent); at !== -1; at = stanza.nextSibling(at)) {
    if (!isCaps(stanza, at)) continue;
    edits.push(removeElement(stanza, at));
  }
  if (elements !== '') edits.push(appendContent(stanza, parent, elements));
  return edits;
}

/** Returns whether the element is a `<c/>` of XEP-0115 or XEP-0390. */
function isCaps(stanza: Stanza, index: number): boolean {
  return stanza.is(index, ns.caps, 'c') || stanza.is(index, ns.caps2, 'c');
}
