/** What the benchmarks send: message stanzas as clients write them. */

/** A message stanza of exactly `byteLength` bytes: addresses, id, a body, a receipt request and an origin id, as
 *  mobile clients send them. @throws RangeError below the least such stanza. */
export function messageOf(byteLength: number, to = 'bob@example.org/phone'): Buffer {
  const head =
    `<message id='7d7e9c1a' to='${to}' type='chat' xml:lang='en'>` +
    `<request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='7d7e9c1a'/><body>`;
  const tail = '</body></message>';
  const text = byteLength - head.length - tail.length;
  if (text < 0) throw new RangeError(`no message of ${byteLength} bytes`);
  return Buffer.from(head + words.repeat(Math.ceil(text / words.length)).slice(0, text) + tail);
}

/** The least message: for sizes at which `messageOf` has no room. */
export function smallMessageOf(byteLength: number): Buffer {
  const head = `<message to='bob@example.org' id='1'><body>`;
  const tail = '</body></message>';
  return Buffer.from(head + 'x'.repeat(byteLength - head.length - tail.length) + tail);
}

const words = 'The quick brown fox jumps over the lazy dog, and nobody minds. ';

export const header =
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' ` +
  `xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='example.org'>`;
