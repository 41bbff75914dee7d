/** Namespace names of the protocols, by the standard's own short name. The simulator may import only this file of
 *  the product, so it has constants only. */
export const ns = {
  /** XML Namespaces 1.0 §3. */
  xml: 'http://www.w3.org/XML/1998/namespace',
  xmlns: 'http://www.w3.org/2000/xmlns/',
  /** RFC 6120 §4.8, §5, §6, §7, §8.3. */
  streams: 'http://etherx.jabber.org/streams',
  client: 'jabber:client',
  streamErrors: 'urn:ietf:params:xml:ns:xmpp-streams',
  tls: 'urn:ietf:params:xml:ns:xmpp-tls',
  sasl: 'urn:ietf:params:xml:ns:xmpp-sasl',
  bind: 'urn:ietf:params:xml:ns:xmpp-bind',
  stanzaErrors: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  /** RFC 3921 §3, optional since RFC 6121. */
  session: 'urn:ietf:params:xml:ns:xmpp-session',
  /** RFC 6121 §2. */
  roster: 'jabber:iq:roster',
  /** RFC 7395. */
  framing: 'urn:ietf:params:xml:ns:xmpp-framing',
  /** XEP-0077, XEP-0401, XEP-0445: offers of registration before authentication. */
  registerFeature: 'http://jabber.org/features/iq-register',
  invitedRegistration: 'urn:xmpp:invite',
  tokenRegistration: 'urn:xmpp:ibr-token:0',
  /** XEP-0077 */
  register: 'jabber:iq:register',
  /** XEP-0066 */
  oob: 'jabber:x:oob',
  /** XEP-0138 */
  compress: 'http://jabber.org/protocol/compress',
  compressFeature: 'http://jabber.org/features/compress',
  /** XEP-0198 */
  sm: 'urn:xmpp:sm:3',
  /** XEP-0478 */
  streamLimits: 'urn:xmpp:stream-limits:0',
  /** XEP-0388 */
  sasl2: 'urn:xmpp:sasl:2',
  /** XEP-0386 */
  bind2: 'urn:xmpp:bind:0',
  /** XEP-0480 */
  saslUpgrade: 'urn:xmpp:sasl:upgrade:0',
  /** XEP-0440 */
  saslChannelBinding: 'urn:xmpp:sasl-cb:0',
  /** XEP-0484 */
  fast: 'urn:xmpp:fast:0',
  /** XEP-0509 */
  pipelining: 'urn:xmpp:iap:0',
  /** XEP-0030, XEP-0115, XEP-0390 */
  discoInfo: 'http://jabber.org/protocol/disco#info',
  discoItems: 'http://jabber.org/protocol/disco#items',
  caps: 'http://jabber.org/protocol/caps',
  caps2: 'urn:xmpp:caps',
  /** XEP-0060 */
  pubsub: 'http://jabber.org/protocol/pubsub',
  /** XEP-0199 */
  ping: 'urn:xmpp:ping',
  /** XEP-0384 */
  omemo1: 'eu.siacs.conversations.axolotl',
  omemo2: 'urn:xmpp:omemo:2',
  /** Connection signals: docs/connection-signals.md. */
  signals: 'urn:narthex:signals:0',
  /** Nodes of the chat channel, and the marks of what XML lacks: docs/chat-channel.md. */
  chat: 'urn:narthex:chat:0',
  chatMarks: 'urn:narthex:chat:marks:0',
} as const;
