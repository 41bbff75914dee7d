import { escapeAttribute, escapeText } from '../stanza/decode.ts';
import type { ValueTreatment } from './treatment.ts';

/** Replaces every value by a constant. */
export function replaceWith(constant: string): ValueTreatment {
  return () => constant;
}

/** Returns an element without the attributes of the original, which could reveal what its text no longer does. */
export function elementWith(namespace: string, local: string, value: string): string {
  return `<${local} xmlns='${escapeAttribute(namespace)}'>${escapeText(value)}</${local}>`;
}
