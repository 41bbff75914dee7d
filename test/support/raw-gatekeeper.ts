import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/** What a raw gatekeeper does with a connection: once it is as good as authenticated, or from its start. */
export type Script = (socket: TLSSocket, tcp: Socket) => void;

export interface RawGatekeeper {
  readonly port: number;
  /** Every connection so far, live or not. */
  readonly connections: TLSSocket[];
  close(): void;
}

const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  "from='localhost' id='1' version='1.0'>";

/** A gatekeeper made of bytes (direct TLS): it grants every authentication and then does what the test says, so that
 *  a test can send what no real server would. */
export function startRawGatekeeper(
  certificate: string,
  key: string,
  script: Script,
  features = '',
): Promise<RawGatekeeper> {
  return startRawServer(certificate, key, (socket, tcp) => negotiate(socket, tcp, script, features));
}

/** Direct TLS, and nothing said in it yet. */
export function startRawServer(certificate: string, key: string, script: Script): Promise<RawGatekeeper> {
  const connections: TLSSocket[] = [];
  const secureContext = createSecureContext({ cert: certificate, key });
  const server = createServer({ allowHalfOpen: true }, (tcp) => {
    const socket = new TLSSocket(tcp, {
      isServer: true,
      secureContext,
      ALPNProtocols: Buffer.from('\u000bxmpp-client'),
    });
    connections.push(socket);
    tcp.on('error', () => {});
    socket.on('error', () => {});
    script(socket, tcp);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        connections,
        close() {
          for (const socket of connections) socket.destroy();
          server.close();
        },
      }),
    );
  });
}

/** Takes whatever comes for PLAIN, and then begins the script. */
export function negotiate(socket: TLSSocket, tcp: Socket, script: Script, features: string): void {
  let heard = '';
  let step = 0;
  const listen = (chunk: Buffer): void => {
    heard += chunk.toString('latin1');
    if (step === 0 && heard.includes('<stream:stream')) {
      step = 1;
      heard = '';
      socket.write(
        `${header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>`,
      );
    } else if (step === 1 && heard.includes('</auth>')) {
      step = 2;
      heard = '';
      socket.write("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    } else if (step === 2 && heard.includes('<stream:stream')) {
      socket.off('data', listen);
      socket.write(
        `${header}${features === '' ? '<stream:features/>' : `<stream:features>${features}</stream:features>`}`,
      );
      script(socket, tcp);
    }
  };
  socket.on('data', listen);
}
