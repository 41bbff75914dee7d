/** The two profiles of SASL in XMPP: RFC 6120 §6, and XEP-0388, which wraps the same messages in richer elements. */
import { prependContent, removeElement, replaceAttribute, replaceElement } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import { ownBytes } from '../../stanza/own-bytes.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { Edit } from '../../stanza/verdict.ts';

/** SASL failures that the proxy sends (RFC 6120 §6.5). */
export const saslConditions = [
  'aborted',
  'account-disabled',
  'credentials-expired',
  'incorrect-encoding',
  'invalid-authzid',
  'invalid-mechanism',
  'malformed-request',
  'not-authorized',
  'temporary-auth-failure',
] as const;
export type SaslCondition = (typeof saslConditions)[number];

export interface SaslProfile {
  readonly namespace: typeof ns.sasl | typeof ns.sasl2;
  /** Local name of the element that begins an exchange. */
  readonly request: 'auth' | 'authenticate';
  /** Local name of the feature that lists the mechanisms. */
  readonly feature: 'mechanisms' | 'authentication';
}

export const sasl2Profile: SaslProfile = {
  namespace: ns.sasl2,
  request: 'authenticate',
  feature: 'authentication',
};

export const saslProfiles: readonly SaslProfile[] = [
  { namespace: ns.sasl, request: 'auth', feature: 'mechanisms' },
  sasl2Profile,
];

/** Returns the SASL profile of an element; undefined when it is no SASL element. */
export function profileOf(stanza: Stanza): SaslProfile | undefined {
  const namespace = stanza.namespaceName(0);
  return saslProfiles.find((profile) => profile.namespace === namespace);
}

/** Writes a failure.
 *  @param text in English, for a person; it needs no escaping (RFC 6120 §6.5, XEP-0388 §2.6) */
export function writeFailure({ namespace }: SaslProfile, condition: SaslCondition, text?: string): Buffer {
  const explanation = text === undefined ? '' : `<text xml:lang='en'>${text}</text>`;
  return Buffer.from(
    `<failure xmlns='${namespace}'><${condition} xmlns='${ns.sasl}'/>${explanation}</failure>`,
  );
}

export function writeMessage(
  { namespace }: SaslProfile,
  kind: 'challenge' | 'response',
  data: Uint8Array,
): Buffer {
  return ownBytes(`<${kind} xmlns='${namespace}'>${base64(data)}</${kind}>`);
}

/** Decodes the message in an element (RFC 6120 §6.4.2). Base64 is strict: no white space around it, nothing after the
 *  padding (§13.9.1).
 *  @returns `absent` without a message, which in a request asks for an empty challenge; undefined when it is not
 *  base64 */
export function messageIn(stanza: Stanza, profile: SaslProfile): Uint8Array | 'absent' | undefined {
  const request = stanza.localName(0) === 'authenticate';
  const at = request ? childOf(stanza, profile, 'initial-response') : 0;
  const text = at === -1 ? '' : stanza.text(at);
  if (text === '') return 'absent';
  if (text === '=') return new Uint8Array(0);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return Buffer.from(text, 'base64');
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function childOf(stanza: Stanza, { namespace }: SaslProfile, local: string): number {
  for (let at = stanza.firstChild(0); at !== -1; at = stanza.nextSibling(at))
    if (stanza.is(at, namespace, local)) return at;
  return -1;
}

/** Writes `<auth/>` with its only message, for an exchange that the proxy begins (RFC 6120 §6.4.2). */
export function writeAuth(mechanism: string, message: Uint8Array): Buffer {
  return ownBytes(`<auth xmlns='${ns.sasl}' mechanism='${mechanism}'>${base64(message)}</auth>`);
}

/** Replaces mechanism and message of `<authenticate/>`. Other requests stay, except those for later authentication
 *  without a token (XEP-0484, XEP-0480), and the version of features that the gatekeeper has not offered (XEP-0509). */
export function rewriteAuthenticate(stanza: Stanza, mechanism: string, message: Uint8Array): Edit[] {
  const edits = [replaceAttribute(stanza, stanza.attribute(0, stanza.names.local('mechanism')), mechanism)];
  const written = `<initial-response xmlns='${ns.sasl2}'>${base64(message)}</initial-response>`;
  let replaced = false;
  for (let at = stanza.firstChild(0); at !== -1; at = stanza.nextSibling(at)) {
    if (stanza.is(at, ns.sasl2, 'initial-response')) {
      edits.push(replaceElement(stanza, at, replaced ? nothing : ownBytes(written)));
      replaced = true;
    } else if (withheld.has(stanza.namespaceName(at))) edits.push(removeElement(stanza, at));
  }
  if (!replaced) edits.push(prependContent(stanza, 0, written));
  return edits;
}

const nothing = new Uint8Array(0);
const withheld: ReadonlySet<string> = new Set([ns.fast, ns.saslUpgrade, ns.pipelining]);
