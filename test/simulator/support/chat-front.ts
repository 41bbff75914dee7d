/** The client's side of a proxy of the chat channel, scripted: TLS, SASL and streams by hand, as
 *  docs/chat-channel.md describes them. */
import { createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import type { Endpoint } from '../../../src/simulator/client-stream.ts';
import { text, type Element } from '../../../src/simulator/xml/element.ts';
import { StreamReader } from '../../../src/simulator/xml/reader.ts';

export const frontDomain = 'chat.example';

export interface ChatFront {
  readonly endpoint: Endpoint;
  /** Headers and elements as received. */
  readonly received: string[];
  /** Messages of `<auth/>`, decoded. */
  readonly credentials: string[];
  /** Sends a text to the client. */
  send(xml: string): void;
  close(): void;
}

const header =
  `<?xml version='1.0'?><stream:stream from='${frontDomain}' id='1' version='1.0' xmlns='urn:narthex:chat:0' ` +
  `xmlns:n='urn:narthex:chat:marks:0' xmlns:stream='http://etherx.jabber.org/streams'>`;
const mechanisms =
  `<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>OAUTHBEARER</mechanism>` +
  `<mechanism>PLAIN</mechanism></mechanisms></stream:features>`;

/** Starts it. `answer` is the answer to `<auth/>`, by default success. */
export async function startChatFront(
  answer = `<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`,
): Promise<ChatFront> {
  const authority = createDevelopmentAuthority();
  const { certificate, key } = authority.issue([frontDomain]);
  const received: string[] = [];
  const credentials: string[] = [];
  let socket: TLSSocket | undefined;
  const server = createServer({ cert: certificate, key, ALPNProtocols: ['xmpp-client'] }, (accepted) => {
    socket = accepted;
    let reader = new StreamReader();
    let isLoggedIn = false;
    const onElement = (element: Element): void => {
      if (element.local !== 'auth') return;
      credentials.push(Buffer.from(text(element), 'base64').toString());
      accepted.write(answer);
      isLoggedIn = answer.startsWith('<success');
      if (isLoggedIn) reader = new StreamReader();
    };
    accepted.on('error', () => {});
    accepted.on('data', (bytes: Buffer) => {
      for (let rest: Uint8Array = bytes; ;) {
        const { event, consumed } = reader.read(rest);
        rest = rest.subarray(consumed);
        if (event.kind === 'incomplete' || event.kind === 'refused') return;
        received.push(event.xml);
        if (event.kind === 'end') accepted.end('</stream:stream>');
        if (event.kind === 'element') onElement(event.element);
        if (event.kind === 'header')
          accepted.write(
            isLoggedIn
              ? `${header}<stream:features/><success t='1800000000' lid='1@lid'/>`
              : header + mechanisms,
          );
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { host: '127.0.0.1', port, tls: 'direct', ca: authority.certificate, domain: frontDomain },
    received,
    credentials,
    send: (xml) => void socket?.write(xml),
    close() {
      socket?.destroy();
      server.close();
    },
  };
}
