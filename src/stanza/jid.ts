/** Addresses of XMPP (RFC 7622), as far as a proxy looks at them: what is before and after the slash, and whether two
 *  bare JIDs are one. Texts in, texts out: an address is never kept in parts. */

/** The JID without its resource. */
export function bareJid(jid: string): string {
  const slash = jid.indexOf('/');
  return slash === -1 ? jid : jid.slice(0, slash);
}

/** The resource of a JID, '' without one. */
export function resourceOf(jid: string): string {
  const slash = jid.indexOf('/');
  return slash === -1 ? '' : jid.slice(slash + 1);
}

/** The domain of a JID in lower case. */
export function domainOf(jid: string): string {
  const bare = bareJid(jid);
  return bare.slice(bare.indexOf('@') + 1).toLowerCase();
}

/** A bare JID as it is compared: case does not tell users and domains apart (RFC 7622 §3.2, §3.3), nor does how a
 *  character is composed (RFC 8265 §3.3).
 *  @param domain of names without one, '' to leave them as they are
 *  @returns '' for no name */
export function prepareBare(bare: string, domain = ''): string {
  const prepared = bare.normalize('NFC').toLowerCase();
  return prepared === '' || domain === '' || prepared.includes('@') ? prepared : `${prepared}@${domain}`;
}

/** Whether two bare JIDs are one. */
export function sameBare(one: string, other: string): boolean {
  return one === other || prepareBare(one) === prepareBare(other);
}
