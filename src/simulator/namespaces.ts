/** Namespace names of protocols that only the simulator uses; others are the product's. */
export const namespaces = {
  /** XEP-0066 */
  outOfBand: 'jabber:x:oob',
  /** XEP-0085 */
  chatStates: 'http://jabber.org/protocol/chatstates',
  /** XEP-0184 */
  receipts: 'urn:xmpp:receipts',
  /** XEP-0203 */
  delay: 'urn:xmpp:delay',
  /** XEP-0300 */
  hashes: 'urn:xmpp:hashes:2',
  /** XEP-0334 */
  hints: 'urn:xmpp:hints',
  /** XEP-0357 */
  push: 'urn:xmpp:push:0',
  /** XEP-0359 */
  stanzaIds: 'urn:xmpp:sid:0',
  /** XEP-0380 */
  encryption: 'urn:xmpp:eme:0',
  /** XEP-0446 */
  fileMetadata: 'urn:xmpp:file:metadata:0',
  /** XEP-0448 */
  encryptedFile: 'urn:xmpp:esfs:0',
  /** XEP-0461 */
  reply: 'urn:xmpp:reply:0',
} as const;
