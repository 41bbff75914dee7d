import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { attribute, element, end, needsDecoding } from '../stanza/tape.ts';
import type { Edit } from '../stanza/verdict.ts';
import type { ValueTreatment } from './treatment.ts';

/** Everyone's value is the same. */
export function replaceWith(constant: string): ValueTreatment {
  return () => constant;
}

/** Puts another value between an attribute's quotes, whichever they are. */
export function replaceAttribute(stanza: Stanza, index: number, value: string): Edit {
  return {
    start: stanza.tape[index + attribute.valueStart]!,
    end: stanza.tape[index + attribute.valueEnd]! & ~needsDecoding,
    replacement: Buffer.from(escapeAttribute(value)),
  };
}

/** Puts character data in the place of everything an element with separate tags holds. */
export function replaceContent(stanza: Stanza, index: number, value: string): Edit {
  const close = stanza.tape[index + element.end]!;
  return {
    start: stanza.tape[index + element.tagEnd]!,
    end: stanza.tape[close + end.tagStart]!,
    replacement: Buffer.from(escapeText(value)),
  };
}

/** An element written anew, without the attributes it had: they could say what its text no longer does. */
export function elementWith(namespace: string, local: string, value: string): string {
  return `<${local} xmlns='${escapeAttribute(namespace)}'>${escapeText(value)}</${local}>`;
}
