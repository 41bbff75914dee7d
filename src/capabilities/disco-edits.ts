/** Removes what a client must not see from an answer to its own question (XEP-0030 §3), and leaves the rest byte for
 *  byte. No hash covers such an answer, so the rules of XEP-0115 §5.4 do not apply: a feature that occurs twice is
 *  the client's to judge. */
import { removeElement } from '../stanza/edits.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';
import { dataFormNamespace } from './disco-info.ts';

/** Features and forms that are removed from an answer. */
export interface HiddenInfo {
  readonly features: ReadonlySet<string>;
  readonly formTypes: ReadonlySet<string>;
}

/** Returns the edits.
 *  @param query tape index of the `<query/>` */
export function discoEdits(stanza: Stanza, query: number, { features, formTypes }: HiddenInfo): Edit[] {
  const edits: Edit[] = [];
  for (let at = stanza.firstChild(query); at !== -1; at = stanza.nextSibling(at)) {
    const hidden = stanza.is(at, ns.discoInfo, 'feature')
      ? features.has(stanza.attributeValue(at, 'var') ?? '')
      : stanza.is(at, dataFormNamespace, 'x') && formTypesOf(stanza, at).some((type) => formTypes.has(type));
    if (hidden) edits.push(removeElement(stanza, at));
  }
  return edits;
}

/** Returns every value of every FORM_TYPE, hidden or not: a form that might be read as one of them counts as it. */
function formTypesOf(stanza: Stanza, form: number): string[] {
  const types: string[] = [];
  for (let field = stanza.firstChild(form); field !== -1; field = stanza.nextSibling(field)) {
    if (!stanza.is(field, dataFormNamespace, 'field')) continue;
    if (stanza.attributeValue(field, 'var') !== 'FORM_TYPE') continue;
    for (let value = stanza.firstChild(field); value !== -1; value = stanza.nextSibling(value))
      if (stanza.is(value, dataFormNamespace, 'value')) types.push(stanza.text(value).trim());
  }
  return types;
}
