/** SASL 2 with Bind 2 (XEP-0388, XEP-0386) as the simulator and Debian's servers do not have it: a gatekeeper of one
 *  scripted exchange, which takes every token. */
import { createServer, type AddressInfo } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface Sasl2Gatekeeper {
  readonly port: number;
  /** Every `<authenticate/>` so far. */
  readonly requests: string[];
  close(): void;
}

const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  "from='localhost' id='1' version='1.0'>";
const offer =
  "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism>" +
  "<mechanism>OAUTHBEARER</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/><fast xmlns='urn:xmpp:fast:0'>" +
  '<mechanism>HT-SHA-256-NONE</mechanism></fast></inline></authentication>' +
  "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>" +
  '</stream:features>';
const success =
  "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@localhost/balcony</authorization-identifier>" +
  "<bound xmlns='urn:xmpp:bind:0'/></success><stream:features/>";

export async function startSasl2Gatekeeper(certificate: string, key: string): Promise<Sasl2Gatekeeper> {
  const secureContext = createSecureContext({ cert: certificate, key });
  const requests: string[] = [];
  const sockets: TLSSocket[] = [];
  const server = createServer((tcp) => {
    const socket = new TLSSocket(tcp, { isServer: true, secureContext });
    sockets.push(socket);
    let heard = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes('</authenticate>')) {
        requests.push(/<authenticate.*<\/authenticate>/s.exec(heard)![0]);
        socket.write(success);
      } else if (/<stream:stream[^>]*>$/.test(heard)) socket.write(header + offer);
      else return;
      heard = '';
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
