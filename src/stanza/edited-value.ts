import { decodeReferences } from './decode.ts';
import { textOf } from './own-bytes.ts';
import type { Stanza } from './stanza.ts';
import type { Edit } from './verdict.ts';

/** Returns the value of the stanza's attribute as its receiver is shown it; undefined without the attribute, and when
 *  an edit removes it.
 *  @param edits with which the stanza is sent */
export function editedValue(stanza: Stanza, name: string, edits: readonly Edit[]): string | undefined {
  const at = stanza.attributeNamed(0, name);
  return at === -1 ? undefined : editedValueAt(stanza, at, edits);
}

/** Returns the same as `editedValue`, for the attribute at a tape index. */
export function editedValueAt(stanza: Stanza, at: number, edits: readonly Edit[]): string | undefined {
  if (edits.length === 0) return stanza.value(at);
  const start = stanza.valueStart(at);
  const end = stanza.valueEnd(at);
  const edit = edits.findLast((each) => each.start <= start && end <= each.end);
  if (edit === undefined) return stanza.value(at);
  const isValue = edit.start === start && edit.end === end;
  return isValue ? decodeReferences(textOf(edit.replacement), 'attribute') : undefined;
}
