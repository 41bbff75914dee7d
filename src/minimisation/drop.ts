import type { Stanza } from '../stanza/stanza.ts';
import { attribute, cdata, element, end, needsDecoding, text } from '../stanza/tape.ts';
import type { Edit } from '../stanza/verdict.ts';

const nothing = new Uint8Array(0);

/** `<![CDATA[` and `]]>`. */
const cdataOpeningBytes = 9;
const cdataClosingBytes = 3;

/** Removes an element with everything in it. */
export function dropElement(stanza: Stanza, index: number): Edit {
  const close = stanza.tape[index + element.end]!;
  return {
    start: stanza.tape[index + element.tagStart]!,
    end: stanza.tape[close + end.tagEnd]!,
    replacement: nothing,
  };
}

/** Removes an attribute with one white space before it, which XML requires to be there. */
export function dropAttribute(stanza: Stanza, index: number): Edit {
  return {
    start: stanza.tape[index + attribute.nameStart]! - 1,
    end: (stanza.tape[index + attribute.valueEnd]! & ~needsDecoding) + 1,
    replacement: nothing,
  };
}

/** Removes one run of character data; of a CDATA section its brackets too. */
export function dropText(stanza: Stanza, index: number): Edit {
  const section = (stanza.tape[index + text.flags]! & cdata) !== 0;
  return {
    start: stanza.tape[index + text.start]! - (section ? cdataOpeningBytes : 0),
    end: stanza.tape[index + text.end]! + (section ? cdataClosingBytes : 0),
    replacement: nothing,
  };
}
