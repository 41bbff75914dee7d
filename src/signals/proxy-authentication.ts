/** Verifies that the fields of a PROXY protocol v2 header come from the load balancer that shares a secret with the
 *  proxy.
 *
 *  A custom field holds HMAC-SHA-256 (RFC 2104) over all bytes of the header before it, as sent: signature, command,
 *  family, length, addresses, and earlier fields. A checksum among these counts with four zeros as its value, since
 *  it is computed over the HMAC. docs/behind-a-balancer.md describes this for senders. */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { interpretFields, noFields, tlvType, withoutChecksum } from './proxy-tlv.ts';
import type { ProxyField, ProxyFields } from './proxy-tlv.ts';

/** The rules of a listener for its load balancers. */
export interface ProxyAuthentication {
  /** Type of the field with the HMAC, 0xE0 to 0xEF. */
  readonly type: number;
  /** Returns the secrets in use: two while one replaces the other. */
  readonly keys: () => readonly KeyObject[];
}

/** - `fields`: the trusted fields, and the number of others.
 *  - `malformed`: a field has the wrong form.
 *  - `unauthentic`: an HMAC that no secret makes. */
export type FieldsAnswer =
  | { readonly kind: 'fields'; readonly fields: ProxyFields; readonly ignored: number }
  | { readonly kind: 'malformed' | 'unauthentic' };

/** Interprets the fields of a header: all of them without `authentication`, otherwise those before a valid HMAC. */
export function believedFields(
  header: Uint8Array,
  fields: readonly ProxyField[],
  authentication: ProxyAuthentication | undefined,
): FieldsAnswer {
  const all = interpretFields(fields);
  if (all === undefined) return { kind: 'malformed' };
  if (authentication === undefined) return { kind: 'fields', fields: all, ignored: 0 };
  const at = fields.findIndex(({ type }) => type === authentication.type);
  if (at !== -1 && !isAuthentic(header, fields, at, authentication)) return { kind: 'unauthentic' };
  const believed = interpretFields(fields.slice(0, Math.max(at, 0))) ?? noFields;
  const others = fields.slice(at + 1).filter(({ type }) => !mechanical.has(type));
  return { kind: 'fields', fields: withWarnings(believed, all), ignored: others.length };
}

/** Types of fields without a statement about the client. */
const mechanical: ReadonlySet<number> = new Set([tlvType.crc32c, tlvType.noop]);

/** Keeps one statement of untrusted fields: that the load balancer ended TLS. Without it, the balancer's own
 *  ClientHello would be taken for the client's; with it, a fingerprint is absent at worst. */
function withWarnings(believed: ProxyFields, all: ProxyFields): ProxyFields {
  const { checked } = all;
  if (believed.tls !== undefined || all.tls?.overTls !== true) return { ...believed, checked };
  return { ...believed, checked, tls: { ...nothingOfTls, overTls: true } };
}

const nothingOfTls = {
  certificateOnConnection: false,
  certificateInSession: false,
  verified: false,
  version: undefined,
  commonName: undefined,
  cipher: undefined,
  signatureAlgorithm: undefined,
  keyAlgorithm: undefined,
} as const;

function isAuthentic(
  header: Uint8Array,
  fields: readonly ProxyField[],
  at: number,
  { keys }: ProxyAuthentication,
): boolean {
  const { value, start } = fields[at]!;
  const before = header.subarray(0, start);
  const checksum = fields.slice(0, at).find(({ type }) => type === tlvType.crc32c);
  const covered = checksum === undefined ? before : withoutChecksum(before, checksum);
  // Every key is tried, so that the time does not reveal which one matches.
  return keys().filter((key) => isHmac(value, covered, key)).length > 0;
}

function isHmac(value: Uint8Array, covered: Uint8Array, key: KeyObject): boolean {
  const expected = createHmac('sha256', key).update(covered).digest();
  return value.length === expected.length && timingSafeEqual(value, expected);
}
