/** Identifiers in the log: the version, the digests of documents, and the trace of a line. Each has a form that no
 *  name or text from the wire has. `app/` makes them from its own values. */

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

/** Returns whether a value has the form of its kind, for checks that types cannot make. */
export function isIdentifier(kind: IdentifierKind, value: unknown): value is string {
  return typeof value === 'string' && shapes[kind].test(value);
}

/** Makes a digest.
 *  @throws RangeError when the text does not have its form */
export function digest(text: string): Digest {
  return checked('digest', text) as Digest;
}

/** Makes a version.
 *  @throws RangeError when the text does not have its form */
export function version(text: string): Version {
  return checked('version', text) as Version;
}

/** Makes a trace id.
 *  @returns undefined for the id of a span that is not recorded, which is all zeros */
export function traceId(text: string): TraceId | undefined {
  return isIdentifier('trace', text) ? (text as TraceId) : undefined;
}

function checked(kind: IdentifierKind, text: string): string {
  if (!isIdentifier(kind, text)) throw new RangeError(`not the shape of a ${kind}`);
  return text;
}
