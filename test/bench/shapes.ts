/** Messages that the load generator sends and answers with. `load/message.h` says what the braces stand for. */
import { createHash } from 'node:crypto';

export interface MessageShape {
  readonly name: string;
  /** What a client sends. */
  readonly request: string;
  /** What its contact sends back, as the gatekeeper delivers it. */
  readonly reply: string;
}

const contact = 'bob@example.com/Dino.90c8f2';
const fromClient = `<message to='${contact}' type='chat' id='{id}'>`;
const fromGatekeeper = `<message from='${contact}' to='{jid}' type='chat' id='{id}'>`;

const chatBody = `<body>{fill}</body><active xmlns='http://jabber.org/protocol/chatstates'/>`;

/** A line of text with a chat state; the client also asks for a receipt. In 300 bytes the gatekeeper cannot: the address
 *  has a pseudonym of 107 characters under `balanced`. */
export const chat: MessageShape = {
  name: 'chat',
  request: `${fromClient}${chatBody}<request xmlns='urn:xmpp:receipts'/></message>`,
  reply: `${fromGatekeeper}${chatBody}</message>`,
};

/** Encrypted for some devices (XEP-0384 0.3), with what clients add to it. */
export function omemo(devices: number): MessageShape {
  const keys = Array.from(
    { length: devices },
    (_, device) => `<key rid='${1_000_003 * (device + 1)}'>${base64(`key ${device}`, 140)}</key>`,
  ).join('');
  const encrypted =
    `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1297'>${keys}<iv>MDEyMzQ1Njc4OWFi</iv></header>` +
    `<payload>${base64('payload', 160)}</payload></encrypted>` +
    `<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>` +
    `<body>I sent you an OMEMO encrypted message. {fill}</body><store xmlns='urn:xmpp:hints'/>` +
    `<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/></message>`;
  return { name: `OMEMO-${devices}`, request: fromClient + encrypted, reply: fromGatekeeper + encrypted };
}

/** Text that looks like a cipher's, the same in each run. */
function base64(seed: string, byteLength: number): string {
  const blocks = Array.from({ length: Math.ceil(byteLength / 32) }, (_, n) =>
    createHash('sha256').update(`${seed} ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, byteLength).toString('base64');
}
