/** References and white space of XML, resolved and escaped. */
import { ownBytes } from './own-bytes.ts';

const predefined: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Resolves references, line ends and, in attributes, white space (XML 1.0 §2.11, §3.3.3, §4.1). The scanner has
 *  refused illegal references. */
export function decodeReferences(raw: string, where: 'text' | 'cdata' | 'attribute'): string {
  let value = raw.replaceAll(/\r\n?/g, '\n');
  if (where === 'attribute') value = value.replaceAll(/[\t\n]/g, ' ');
  if (where === 'cdata') return value;
  return value.replaceAll(
    /&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));/g,
    (_, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number.parseInt(decimal, 10));
      return predefined[name!]!;
    },
  );
}

/** Escapes a value for an attribute in single quotes, or for text: the five predefined entities, and the white space
 *  that attribute normalisation would change. */
export function escapeAttribute(value: string): string {
  return /[&<>\r'"\t\n]/.test(value)
    ? value.replaceAll(/[&<>\r'"\t\n]/g, (each) => references[each]!)
    : value;
}

/** Like `escapeAttribute`, in UTF-8. Most values need no escape; the same buffer is then returned. */
export function escapedAttribute(value: Buffer): Buffer {
  for (const byte of value)
    if (byte < 0x3f && isEscaped(byte)) return ownBytes(escapeAttribute(value.toString()));
  return value;
}

function isEscaped(byte: number): boolean {
  return references[String.fromCharCode(byte)] !== undefined;
}

/** Escapes character data. A carriage return becomes a reference, since a parser would read it as a line feed. */
export function escapeText(value: string): string {
  return /[&<>\r]/.test(value) ? value.replaceAll(/[&<>\r]/g, (each) => references[each]!) : value;
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
