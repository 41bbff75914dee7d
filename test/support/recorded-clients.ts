/** Plain XML streams of clients, one after the other, as `narthex audit` reads them. */

/** Returns the stream of one client.
 *  @param stanzas its stanzas, as text */
export function clientStream(client: number, ...stanzas: readonly string[]): string {
  const header =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' " +
    `from='user${client}@provider.example' to='gatekeeper.example'>`;
  return `<?xml version='1.0'?>${header}${stanzas.join('')}</stream:stream>\n`;
}

/** Returns a presence that shows a nickname, which `strict` withholds, and which is text of any form. */
export function presenceWithNick(nick: string): string {
  return `<presence><nick xmlns='http://jabber.org/protocol/nick'>${nick}</nick></presence>`;
}
