/** A child process of relay.ts: one proxy under test written for Node. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { Parser } from '@xmpp/xml';
import { startTestProxy } from '../support/proxy.ts';
import { header } from './payload.ts';
import type { Credentials } from './relay.ts';

export interface ProxyRequest {
  readonly kind: 'narthex' | 'pipe' | '@xmpp/xml';
  /** Port of the server behind it. */
  readonly upstream: number;
  readonly credentials: Credentials;
}

const domain = 'im.example';

let close = async (): Promise<void> => {};

/** @returns the port it listens on, with direct TLS. */
async function start({ kind, upstream, credentials }: ProxyRequest): Promise<number> {
  if (kind === 'narthex') {
    const proxy = await startTestProxy({
      domain,
      gatekeeper: { port: upstream, tls: 'direct' },
      certificate: credentials.cert,
      key: credentials.key,
      ca: credentials.ca,
    });
    close = () => proxy.close();
    return proxy.direct;
  }
  const join = kind === 'pipe' ? pipe : reserialise;
  const { ca, cert, key } = credentials;
  const tls = { ALPNProtocols: ['xmpp-client'] };
  const server = createServer({ cert, key, ...tls }, (client) => {
    const gatekeeper = connect({ host: '127.0.0.1', port: upstream, ca, servername: domain, ...tls });
    for (const [from, to] of [[client, gatekeeper], [gatekeeper, client]] as const) {
      from.setNoDelay(true);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      join(from, to);
    }
  }); // prettier-ignore
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

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

process.on('message', (message: ProxyRequest | 'cpu') => {
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send!(user + system);
  } else {
    void start(message).then((port) => process.send!(port));
  }
});

process.once('disconnect', () => {
  void close().then(() => process.exit());
});
