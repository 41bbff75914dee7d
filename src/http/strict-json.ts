/** Parses JSON that every parser reads alike (RFC 8259 §4, RFC 8725 §2.4): valid UTF-8, no member named twice,
 *  bounded nesting. Of two equal members `JSON.parse` keeps the last, other parsers the first. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: JsonValue;
}
export type JsonScalar = string | number | boolean;

export type StrictJson =
  | { readonly kind: 'object'; readonly value: JsonObject }
  | { readonly kind: 'duplicate-member' }
  /** Not UTF-8, not JSON, nested too deeply, or no object at the top. */
  | { readonly kind: 'malformed' };

export function parseStrictJson(bytes: Uint8Array, { depthMax }: { readonly depthMax: number }): StrictJson {
  const text = decodeUtf8(bytes);
  const value = text === undefined ? undefined : parse(text);
  if (text === undefined || !isObject(value)) return { kind: 'malformed' };
  const names = checkNames(text, depthMax);
  if (names === 'too-deep') return { kind: 'malformed' };
  return names === 'duplicate' ? { kind: 'duplicate-member' } : { kind: 'object', value };
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isScalar(value: JsonValue | undefined): value is JsonScalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Checks the names in valid JSON: brackets count outside of strings only, and a name is a string before a colon. */
function checkNames(text: string, depthMax: number): 'unique' | 'duplicate' | 'too-deep' {
  const open: Set<string>[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (const [found, colon] of text.matchAll(token)) {
    if (found === '{' || found === '[') {
      if (open.push(new Set()) > depthMax) return 'too-deep';
    } else if (found === '}' || found === ']') {
      open.pop();
    } else if (colon !== undefined) {
      const name = JSON.parse(found.slice(0, -colon.length)) as string;
      const names = open.at(-1)!;
      if (names.has(name)) return 'duplicate';
      names.add(name);
    }
  }
  return 'unique';
}
