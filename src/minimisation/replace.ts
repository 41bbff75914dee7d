import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { ValueTreatment } from './treatment.ts';

/** Replaces every value by a constant. */
export function replaceWith(constant: string): ValueTreatment {
  return () => constant;
}

/** An element written anew, without the attributes it had: they could say what its text no longer does. */
export function elementWith(namespace: string, local: string, value: string): string {
  return `<${local} xmlns='${escapeAttribute(namespace)}'>${escapeText(value)}</${local}>`;
}
