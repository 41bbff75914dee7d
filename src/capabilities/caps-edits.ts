/** Replaces the `<c/>` elements of a presence on the tape: every one that is there goes, ours come in one place. */
import { appendContent, removeElement } from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** Edits that leave exactly `elements` as the capabilities below `parent`, as its last children.
 *  @param elements what `Advertisement.elements` holds; '' to take all away
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

/** Whether the element is a `<c/>` of XEP-0115 or XEP-0390. */
function isCaps(stanza: Stanza, index: number): boolean {
  return stanza.is(index, ns.caps, 'c') || stanza.is(index, ns.caps2, 'c');
}
