/** XMPP addresses (RFC 7622): their parts, and whether two bare JIDs are equal. Functions take and return strings;
 *  an address is never kept in parts. */

/** Returns the JID without its resource. */
export function bareJid(jid: string): string {
  const slash = jid.indexOf('/');
  return slash === -1 ? jid : jid.slice(0, slash);
}

/** Returns the resource of a JID; '' without one. */
export function resourceOf(jid: string): string {
  const slash = jid.indexOf('/');
  return slash === -1 ? '' : jid.slice(slash + 1);
}

/** Returns the domain of a JID in lower case. */
export function domainOf(jid: string): string {
  const bare = bareJid(jid);
  return bare.slice(bare.indexOf('@') + 1).toLowerCase();
}

/** Normalises a bare JID for comparison: users and domains do not differ by case (RFC 7622 §3.2, §3.3) or by the
 *  composition of characters (RFC 8265 §3.3).
 *  @param domain appended to a name without one; '' to leave it
 *  @returns '' for no name */
export function prepareBare(bare: string, domain = ''): string {
  const prepared = bare.normalize('NFC').toLowerCase();
  return prepared === '' || domain === '' || prepared.includes('@') ? prepared : `${prepared}@${domain}`;
}

/** Returns whether two bare JIDs are equal. */
export function sameBare(one: string, other: string): boolean {
  return one === other || prepareBare(one) === prepareBare(other);
}
