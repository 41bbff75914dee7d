/** Reads the account of a session from its negotiation: the name in the authentication, then the JID that the
 *  gatekeeper binds. Nothing else of an authentication is decoded into a string. */
import { bareJid, prepareBare, resourceOf } from '../../stanza/jid.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';

/** Base64 characters of an initial response that are decoded. Names come first in it. */
const responseCharsMax = 4_096;

/** Reads the account that a client authenticates as from one more of its messages (RFC 4616 §2, RFC 4422 §A.1, RFC 5802
 *  §7, RFC 7628 §3.1). A new attempt discards the name of the attempt before.
 *  @param known the result for the message before, '' at first
 *  @returns a bare JID in lower case, '' while no message has had a name */
export function accountAfter(known: string, stanza: Stanza, domain: string): string {
  const begins = stanza.is(0, ns.sasl, 'auth') || stanza.is(0, ns.sasl2, 'authenticate');
  const continues = stanza.is(0, ns.sasl, 'response') || stanza.is(0, ns.sasl2, 'response');
  if (!begins && !continues) return known;
  const before = begins ? '' : known;
  const response = saslMessage(stanza);
  if (response === undefined || before !== '') return before;
  const bytes = Buffer.from(response.slice(0, responseCharsMax), 'base64');
  const account = accountOf(nameIn(bytes, stanza.attributeValue(0, 'mechanism')), domain);
  // A password may be next to the name.
  bytes.fill(0);
  return account;
}

/** Completes a name from an authentication or a token to a bare JID in lower case. A name without a domain gets
 *  `domain`.
 *  @returns '' for no name */
export function accountOf(name: string | undefined, domain: string): string {
  return prepareBare(bareJid(name ?? ''), domain);
}

function nameIn(message: Buffer, mechanism: string | undefined): string | undefined {
  // The message of EXTERNAL is the name (RFC 4422 §A.1).
  if (mechanism === 'EXTERNAL') return message.toString();
  return message.includes(0) ? plainName(message) : gs2Name(message);
}

/** Returns the text of `<auth/>` or `<response/>`, or that of `<initial-response/>` in `<authenticate/>`. */
function saslMessage(stanza: Stanza): string | undefined {
  if (!stanza.is(0, ns.sasl2, 'authenticate')) return stanza.text(0);
  for (let at = stanza.firstChild(0); at !== -1; at = stanza.nextSibling(at))
    if (stanza.is(at, ns.sasl2, 'initial-response')) return stanza.text(at);
  return undefined;
}

/** Reads the name from `authzid NUL authcid NUL password` (RFC 4616 §2). The password is not decoded. */
function plainName(bytes: Buffer): string | undefined {
  const first = bytes.indexOf(0);
  const second = bytes.indexOf(0, first + 1);
  if (second === -1) return undefined;
  return bytes.toString('utf8', first === 0 ? 1 : 0, first === 0 ? second : first);
}

/** Reads the name from `n,a=authzid,n=name,…` (RFC 5801 §4, RFC 5802 §7). A bearer token after it is not decoded
 *  (RFC 7628 §3.1). */
function gs2Name(bytes: Buffer): string | undefined {
  const separator = bytes.indexOf(1);
  const text = bytes.toString('utf8', 0, separator === -1 ? bytes.length : separator);
  const header = /^(?:n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,(?:n=([^,]*),)?/.exec(text);
  const name = header?.[1] ?? header?.[2];
  return name?.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** Reads the account that a gatekeeper has bound or authorised (RFC 6120 §7.6, XEP-0388 §2.6).
 *  @returns a bare JID in lower case, with the resource or ''; undefined for another element */
export function boundAddress(stanza: Stanza): { account: string; resource: string } | undefined {
  const jid = boundJid(stanza)?.trim();
  if (jid === undefined || jid === '') return undefined;
  return { account: prepareBare(bareJid(jid)), resource: resourceOf(jid) };
}

function boundJid(stanza: Stanza): string | undefined {
  const sasl2 = stanza.is(0, ns.sasl2, 'success');
  if (!sasl2 && stanza.kind !== 'iq') return undefined;
  for (let at = stanza.firstChild(0); at !== -1; at = stanza.nextSibling(at)) {
    if (sasl2 && stanza.is(at, ns.sasl2, 'authorization-identifier')) return stanza.text(at);
    if (sasl2 || !stanza.is(at, ns.bind, 'bind')) continue;
    for (let inner = stanza.firstChild(at); inner !== -1; inner = stanza.nextSibling(inner))
      if (stanza.is(inner, ns.bind, 'jid')) return stanza.text(inner);
  }
  return undefined;
}
