/** A proxy of the bench written for Node, as a process: `node-proxy.ts KIND PORT UPSTREAM FOLDER`. `pipe` joins the
 *  sockets and reads nothing, `xmpp-xml` parses every stanza and serialises it again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { Parser } from '@xmpp/xml';
import { header } from './payload.ts';

type Join = (from: TLSSocket, to: TLSSocket) => void;

function pipe(from: TLSSocket, to: TLSSocket): void {
  from.pipe(to);
}

/** Negotiation passes as it is; from the first message on, every stanza becomes a tree and bytes again. */
function reserialise(from: TLSSocket, to: TLSSocket): void {
  let parser: Parser | undefined;
  const decoder = new TextDecoder();
  from.on('data', (chunk: Buffer) => {
    if (parser === undefined && chunk.includes('<message ')) {
      parser = new Parser();
      parser.write(header);
      parser.on('element', (element) => to.write(element.toString()));
    }
    if (parser === undefined) to.write(chunk);
    else parser.write(decoder.decode(chunk, { stream: true }));
  });
}

const joins: Readonly<Record<string, Join>> = { pipe, 'xmpp-xml': reserialise };

const [kind, port, upstream, folder] = process.argv.slice(2) as [string, string, string, string];
const join_ = joins[kind]!;
const pem = (name: string): string => readFileSync(join(folder, name), 'utf8');
// One context for all connections: it is the dearest part of a Node TLS connection.
const secureContext = createSecureContext({ ca: pem('ca.crt') });
const tls = { ALPNProtocols: ['xmpp-client'] };
createServer({ cert: pem('tls.crt'), key: pem('tls.key'), ...tls }, (client) => {
  const gatekeeper = connect({
    host: '127.0.0.1',
    port: Number(upstream),
    servername: 'im.example',
    secureContext,
    ...tls,
  });
  for (const [from, to] of [[client, gatekeeper], [gatekeeper, client]] as const) {
    from.setNoDelay(true);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    join_(from, to);
  }
}).listen(Number(port), '127.0.0.1'); // prettier-ignore
