/** Entity capabilities: the hashes of a disco#info result in presence, XEP-0115 (`ver`) and XEP-0390 (hash sets),
 *  the nodes by which they are queried, and their verification. */
import { createHash } from 'node:crypto';
import { escapeAttribute } from '../stanza/decode.ts';
import { ns } from '../stanza/namespaces.ts';
import { allStrings, canonicalDiscoInfo, type DiscoInfo } from './disco-info.ts';
import type { HashSetErrorCode } from './errors.ts';
import { compareOctets } from './octets.ts';

/** Cryptographic hash functions in XMPP (XEP-0300). */
export const hashesNamespace = 'urn:xmpp:hashes:2';

/** Hash functions by their name in XEP-0300 and the IANA registry, and by Node's name. */
const hashFunctions: ReadonlyMap<string, string> = new Map([
  ['sha-1', 'sha1'],
  ['sha-224', 'sha224'],
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
  ['sha3-224', 'sha3-224'],
  ['sha3-256', 'sha3-256'],
  ['sha3-384', 'sha3-384'],
  ['sha3-512', 'sha3-512'],
  ['blake2b-512', 'blake2b512'],
]);

/** Hash functions too weak to verify a XEP-0390 hash (XEP-0300 §4). XEP-0115 still uses SHA-1. */
const weak: ReadonlySet<string> = new Set(['sha-1']);

/** One `<hash/>` of a set: function by XEP-0300 name, value in Base64. */
export interface CapabilityHash {
  readonly algorithm: string;
  readonly value: string;
}

/** The claim of XEP-0115 in presence. `hash` is absent in the legacy format (XEP-0115 §11), whose `ver` is no hash. */
export interface LegacyCaps {
  readonly node: string;
  readonly ver: string;
  readonly hash?: string;
}

/** Returns the string S of XEP-0115 §5.1, before its encoding in UTF-8.
 *
 *  A `<` in a value is written `&lt;`, as the note in §5.1 says. Other implementations leave it: never send such a
 *  value, and never trust a `ver` of one (see `isUnambiguous`). */
export function verificationString(info: DiscoInfo): string {
  const { identities, features, forms } = canonicalDiscoInfo(info);
  const factors: string[] = [
    ...identities.map(({ category, type, lang, name }) => `${category}/${type}/${lang}/${name}`),
    ...features,
  ];
  for (const { formType, fields } of forms) {
    factors.push(formType);
    for (const { name, values } of fields) factors.push(name, ...values);
  }
  return factors.map((factor) => `${factor.replaceAll('<', '&lt;')}<`).join('');
}

/** Returns the `ver` of XEP-0115 §5.1: Base64 with padding.
 *  @throws RangeError for a hash function that `supportsHash` denies */
export function verificationHash(info: DiscoInfo, algorithm = 'sha-1'): string {
  return digest(algorithm, Buffer.from(verificationString(info), 'utf8'));
}

/** Returns the input of the hash function in XEP-0390 §4.1. Its separators are illegal in XML, so no two results
 *  share it. */
function hashSetInput(info: DiscoInfo): Buffer {
  const features = info.features.map((name) => `${name}\u001F`);
  const identities = info.identities.map(
    ({ category, type, lang, name }) => `${category}\u001F${type}\u001F${lang}\u001F${name}\u001F\u001E`,
  );
  const forms = info.forms.map(({ formType, fields }) => {
    const all = [{ name: 'FORM_TYPE', values: [formType] }, ...fields];
    const encoded = all.map(
      ({ name, values }) => `${name}\u001F${sortedJoin(values.map((value) => `${value}\u001F`))}\u001E`,
    );
    return `${sortedJoin(encoded)}\u001D`;
  });
  const parts = [features, identities, forms].map((part) => `${sortedJoin(part)}\u001C`);
  return Buffer.from(parts.join(''), 'utf8');
}

/** Sorts encoded parts with their terminators, in the order of XEP-0390 §4.1. */
function sortedJoin(parts: readonly string[]): string {
  return parts.toSorted(compareOctets).join('');
}

/** Returns one hash of a XEP-0390 set.
 *  @throws RangeError for a hash function that `supportsHash` denies */
export function capabilityHash(info: DiscoInfo, algorithm: string): CapabilityHash {
  return { algorithm, value: digest(algorithm, hashSetInput(info)) };
}

/** Returns whether a hash function of this name (XEP-0300) can be computed here. */
export function supportsHash(algorithm: string): boolean {
  return hashFunctions.has(algorithm);
}

function digest(algorithm: string, input: Buffer): string {
  const name = hashFunctions.get(algorithm);
  if (name === undefined) throw new RangeError('unsupported hash function');
  return createHash(name).update(input).digest('base64');
}

/** Returns the node by which a XEP-0115 `ver` is queried (XEP-0115 §6.2). */
export function legacyCapsNode({ node, ver }: Pick<LegacyCaps, 'node' | 'ver'>): string {
  return `${node}#${ver}`;
}

const hashNodePrefix = `${ns.caps2}#`;

/** Returns the node by which a hash of a XEP-0390 set is queried (XEP-0390 §4.3). */
export function capabilityHashNode({ algorithm, value }: CapabilityHash): string {
  return `${hashNodePrefix}${algorithm}.${value}`;
}

/** Parses a XEP-0390 node. It is split at the last full stop: names of hash functions may have one and Base64 does not
 *  (XEP-0390 §4.3).
 *  @returns undefined for another node */
export function parseCapabilityHashNode(node: string): CapabilityHash | undefined {
  if (!node.startsWith(hashNodePrefix)) return undefined;
  const border = node.lastIndexOf('.');
  if (border < hashNodePrefix.length) return undefined;
  return { algorithm: node.slice(hashNodePrefix.length, border), value: node.slice(border + 1) };
}

/** Base64 of 16 to 64 bytes, padded: the sizes of hash functions in XEP-0300. */
const digestForm = /^(?=.{24,88}$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Returns whether a node names its result by a hash, so that the asker verifies the answer: one of XEP-0390, or any
 *  URI followed by a digest (XEP-0115 §6.2). */
export function isHashNode(node: string): boolean {
  if (node.startsWith(hashNodePrefix)) return true;
  const border = node.lastIndexOf('#');
  return border !== -1 && digestForm.test(node.slice(border + 1));
}

/** The verification of a claimed hash.
 *
 *  - `verified`: computed here, equal, and no other result has it. May serve other sessions.
 *  - `matching`: equal, but XEP-0115's string could be of another result too. For this session only.
 *  - `mismatch`: not equal.
 *  - `unsupported`: legacy format, or an unknown hash function. */
export type Verification = 'verified' | 'matching' | 'mismatch' | 'unsupported';

/** Verifies a XEP-0115 `ver` (§5.4). */
export function verifyLegacyCaps(info: DiscoInfo, { hash, ver }: LegacyCaps): Verification {
  if (hash === undefined || !supportsHash(hash)) return 'unsupported';
  if (verificationHash(info, hash) !== ver) return 'mismatch';
  return isUnambiguous(info) ? 'verified' : 'matching';
}

/** Verifies one hash of a XEP-0390 set (§4.4).
 *  @param irregular why XEP-0390 gives the result no hash, if so */
export function verifyCapabilityHash(
  info: DiscoInfo,
  claimed: CapabilityHash,
  irregular?: HashSetErrorCode,
): Verification {
  if (irregular !== undefined || !supportsHash(claimed.algorithm) || weak.has(claimed.algorithm))
    return 'unsupported';
  return capabilityHash(info, claimed.algorithm).value === claimed.value ? 'verified' : 'mismatch';
}

/** Returns whether XEP-0115's string S is of this result alone. S joins everything with `<` and so loses the
 *  structure: a feature can be read as an identity, a FORM_TYPE or a field. Only results with distinguishable parts
 *  qualify: identities have a `/` first, features a `:` first, and there are no forms and no `<`. A result with
 *  forms cannot pass for one of these, because names of fields are no URIs (XEP-0068 §3). */
export function isUnambiguous(info: DiscoInfo): boolean {
  if (info.forms.length > 0) return false;
  for (const value of allStrings(info)) if (value.includes('<') || value.includes('&lt;')) return false;
  return (
    info.features.every((feature) => /^[^/]*?:/.test(feature)) &&
    info.identities.every(
      ({ category, type, lang }) => /^[^/:]+$/.test(category) && /^[^/]*$/.test(type) && /^[^/]*$/.test(lang),
    )
  );
}

/** Writes `<c/>` of XEP-0115, always in the same bytes. */
export function writeLegacyCaps({ node, ver, hash = 'sha-1' }: LegacyCaps): string {
  return `<c xmlns='${ns.caps}' hash='${escapeAttribute(hash)}' node='${escapeAttribute(node)}' ver='${escapeAttribute(ver)}'/>`;
}

/** Writes `<c/>` of XEP-0390, always in the same bytes. */
export function writeHashSet(hashes: readonly CapabilityHash[]): string {
  const body = hashes.map(
    ({ algorithm, value }) =>
      `<hash xmlns='${hashesNamespace}' algo='${escapeAttribute(algorithm)}'>${escapeAttribute(value)}</hash>`,
  );
  return `<c xmlns='${ns.caps2}'>${body.join('')}</c>`;
}
