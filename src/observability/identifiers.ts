/** Identifiers that the log takes: of what runs and with which documents, and of the trace that a line belongs to. Each has
 *  one shape, which no name or text from the wire has; `app/` makes them of its own values. */

declare const identifier: unique symbol;
type Identifier<Kind extends string> = string & { readonly [identifier]: Kind };

/** SHA-256 of the operator's documents, base64url. */
export type Digest = Identifier<'digest'>;
/** Version of the product. */
export type Version = Identifier<'version'>;
/** Trace id (W3C Trace Context §3.2.2.3). */
export type TraceId = Identifier<'trace'>;

const shapes = {
  digest: /^[A-Za-z0-9_-]{43}$/,
  version: /^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[a-z0-9.]{1,32})?$/,
  trace: /^(?!0{32})[0-9a-f]{32}$/,
} as const;

export type IdentifierKind = keyof typeof shapes;

/** Whether a value has the shape of its kind; for checks that types cannot make. */
export function isIdentifier(kind: IdentifierKind, value: unknown): value is string {
  return typeof value === 'string' && shapes[kind].test(value);
}

/** @throws RangeError when the text has not the shape of a digest */
export function digest(text: string): Digest {
  return checked('digest', text) as Digest;
}

/** @throws RangeError when the text is no version of the product */
export function version(text: string): Version {
  return checked('version', text) as Version;
}

/** @returns undefined for the id of a span that is not recorded, which is all zeros */
export function traceId(text: string): TraceId | undefined {
  return isIdentifier('trace', text) ? (text as TraceId) : undefined;
}

function checked(kind: IdentifierKind, text: string): string {
  if (!isIdentifier(kind, text)) throw new RangeError(`not the shape of a ${kind}`);
  return text;
}
