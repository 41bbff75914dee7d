/** Edits of whole elements and attributes on the tape. */
import type { Stanza } from '../stanza/stanza.ts';
import * as record from '../stanza/tape.ts';
import type { Edit } from '../stanza/verdict.ts';

const nothing = new Uint8Array(0);

/** From the start tag's first byte to the end tag's last. */
export function replaceElement(stanza: Stanza, index: number, replacement: Uint8Array): Edit {
  const close = stanza.tape[index + record.element.end]!;
  return {
    start: stanza.tape[index + record.element.tagStart]!,
    end: stanza.tape[close + record.end.tagEnd]!,
    replacement,
  };
}

/** With the white space before it and the closing quote. @param index of the attribute's record */
export function removeAttribute(stanza: Stanza, index: number): Edit {
  return {
    start: stanza.tape[index + record.attribute.nameStart]! - 1,
    end: (stanza.tape[index + record.attribute.valueEnd]! & ~record.needsDecoding) + 1,
    replacement: nothing,
  };
}

export function removeElement(stanza: Stanza, index: number): Edit {
  return replaceElement(stanza, index, nothing);
}
