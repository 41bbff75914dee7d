/** Edits of a stanza: a byte range on its tape, and the bytes that replace it. Every function returns edits for
 *  `splice` and changes nothing itself.
 *
 *  Edits of different elements, attributes and texts do not overlap, unless one element is inside the other. For one
 *  element, use at most one of `replaceContent`, `appendContent` and `prependContent`: each of them opens an
 *  empty-element tag `<x/>`, and a tag is opened once. */
import { escapeAttribute, escapeText } from './decode.ts';
import { ownBytes } from './own-bytes.ts';
import type { Stanza } from './stanza.ts';
import * as record from './tape.ts';
import { elementFlag, needsDecoding } from './tape.ts';
import type { Edit } from './verdict.ts';

const nothing = new Uint8Array(0);

/** Bytes of `<![CDATA[` and `]]>`. */
const cdataOpeningBytes = 9;
const cdataClosingBytes = 3;
/** Bytes of `/>`. */
const emptyClosingBytes = 2;

/** Removes an element with its content. */
export function removeElement(stanza: Stanza, element: number): Edit {
  return replaceElement(stanza, element, nothing);
}

/** Replaces an element, from the first byte of its start tag to the last of its end tag. */
export function replaceElement(stanza: Stanza, element: number, replacement: Uint8Array): Edit {
  const close = stanza.tape[element + record.element.end]!;
  return {
    start: stanza.tape[element + record.element.tagStart]!,
    end: stanza.tape[close + record.end.tagEnd]!,
    replacement,
  };
}

/** Replaces everything between an element's tags by XML. */
export function replaceContent(stanza: Stanza, element: number, xml: string): Edit {
  const tagEnd = stanza.tape[element + record.element.tagEnd]!;
  return putContent(stanza, element, { start: tagEnd, end: endTagStart(stanza, element), xml });
}

/** Replaces everything between an element's tags by character data. */
export function setText(stanza: Stanza, element: number, value: string): Edit {
  return replaceContent(stanza, element, escapeText(value));
}

/** Adds XML after the last child of an element. */
export function appendContent(stanza: Stanza, element: number, xml: string): Edit {
  const start = endTagStart(stanza, element);
  return putContent(stanza, element, { start, end: start, xml });
}

/** Adds XML before the first child of an element. */
export function prependContent(stanza: Stanza, element: number, xml: string): Edit {
  const start = stanza.tape[element + record.element.tagEnd]!;
  return putContent(stanza, element, { start, end: start, xml });
}

/** Sets an attribute without a prefix: replaces the value where the element has the attribute, otherwise adds the
 *  attribute before the others. */
export function setAttribute(stanza: Stanza, element: number, name: string, value: string): Edit {
  const index = stanza.attributeNamed(element, name);
  if (index !== -1) return replaceAttribute(stanza, index, value);
  const start = stanza.tape[element + record.element.nameEnd]!;
  return { start, end: start, replacement: ownBytes(` ${name}='${escapeAttribute(value)}'`) };
}

/** Replaces an attribute's value and keeps its quotes, single or double.
 *  @param attribute tape index of its record */
export function replaceAttribute(stanza: Stanza, attribute: number, value: string): Edit {
  return {
    start: stanza.tape[attribute + record.attribute.valueStart]!,
    end: stanza.tape[attribute + record.attribute.valueEnd]! & ~needsDecoding,
    replacement: ownBytes(escapeAttribute(value)),
  };
}

/** Removes an attribute and one white space before it, which XML requires.
 *  @param attribute tape index of its record */
export function removeAttribute(stanza: Stanza, attribute: number): Edit {
  return {
    start: stanza.tape[attribute + record.attribute.nameStart]! - 1,
    end: (stanza.tape[attribute + record.attribute.valueEnd]! & ~needsDecoding) + 1,
    replacement: nothing,
  };
}

/** Replaces the qualified name of an element in its start tag, and in its end tag where it has one. */
export function renameElement(stanza: Stanza, element: number, name: string): readonly Edit[] {
  const { tape } = stanza;
  const start = tape[element + record.element.tagStart]! + 1;
  const end = tape[element + record.element.nameEnd]!;
  const replacement = Buffer.from(name);
  const opening = { start, end, replacement };
  if ((tape[element + record.element.flags]! & elementFlag.empty) !== 0) return [opening];
  const closingStart = tape[tape[element + record.element.end]! + record.end.tagStart]! + 2;
  return [opening, { start: closingStart, end: closingStart + end - start, replacement }];
}

/** Replaces the qualified name of an attribute.
 *  @param attribute tape index of its record */
export function renameAttribute(stanza: Stanza, attribute: number, name: string): Edit {
  return {
    start: stanza.tape[attribute + record.attribute.nameStart]!,
    end: stanza.tape[attribute + record.attribute.nameEnd]!,
    replacement: Buffer.from(name),
  };
}

/** Adds text to a start tag, after the name of its element. */
export function insertIntoTag(stanza: Stanza, element: number, text: string): Edit {
  const start = stanza.tape[element + record.element.nameEnd]!;
  return { start, end: start, replacement: Buffer.from(text) };
}

/** Removes one text record, with the brackets of a CDATA section. */
export function removeText(stanza: Stanza, text: number): Edit {
  return { start: textStart(stanza, text), end: textEnd(stanza, text), replacement: nothing };
}

/** Replaces consecutive text records by character data.
 *  @param first tape index of the first record
 *  @param last tape index of the last record */
export function replaceTexts(stanza: Stanza, first: number, last: number, value: string): Edit {
  return {
    start: textStart(stanza, first),
    end: textEnd(stanza, last),
    replacement: ownBytes(escapeText(value)),
  };
}

/** Replaces `[start, end)` inside an element by XML. An empty-element tag becomes a start tag and an end tag. */
function putContent(
  stanza: Stanza,
  element: number,
  { start, end, xml }: { readonly start: number; readonly end: number; readonly xml: string },
): Edit {
  if ((stanza.tape[element + record.element.flags]! & elementFlag.empty) === 0)
    return { start, end, replacement: ownBytes(xml) };
  const tagEnd = stanza.tape[element + record.element.tagEnd]!;
  return {
    start: tagEnd - emptyClosingBytes,
    end: tagEnd,
    replacement: ownBytes(`>${xml}</${stanza.qualifiedName(element)}>`),
  };
}

/** Returns the offset of an element's end tag; for an empty-element tag, the offset after it. */
function endTagStart(stanza: Stanza, element: number): number {
  return stanza.tape[stanza.tape[element + record.element.end]! + record.end.tagStart]!;
}

function textStart(stanza: Stanza, text: number): number {
  const start = stanza.tape[text + record.text.start]!;
  return isSection(stanza, text) ? start - cdataOpeningBytes : start;
}

function textEnd(stanza: Stanza, text: number): number {
  const end = stanza.tape[text + record.text.end]!;
  return isSection(stanza, text) ? end + cdataClosingBytes : end;
}

function isSection(stanza: Stanza, text: number): boolean {
  return (stanza.tape[text + record.text.flags]! & record.cdata) !== 0;
}
