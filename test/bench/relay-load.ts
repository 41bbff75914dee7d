/** A child process of relay.ts: the clients, and the server that echoes what they send. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { ns } from '../../src/stanza/namespaces.ts';
import { messageOf } from './payload.ts';
import type { Credentials } from './relay.ts';

/** Opens connections; the answer comes when all are established and warm. */
export interface LoadRequest {
  readonly port: number;
  readonly byteLength: number;
  readonly connections: number;
  readonly roundMs: number;
}

/** The answer to `go`, after `roundMs`. */
export interface LoadResult {
  readonly roundTrips: number;
}

const domain = 'im.example';
const opening =
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${ns.streams}' ` +
  `version='1.0' to='${domain}'>`;
const answer = opening.replace(' to=', ` id='1' from=`);
const mechanisms = `<stream:features><mechanisms xmlns='${ns.sasl}'><mechanism>PLAIN</mechanism></mechanisms></stream:features>`;
const bind = `<stream:features><bind xmlns='${ns.bind}'/></stream:features>`;
const success = `<success xmlns='${ns.sasl}'/>`;
const warmUpMs = 300;

async function serve({ cert, key }: Credentials): Promise<number> {
  const server = createServer({ cert, key, ALPNProtocols: ['xmpp-client'] }, (socket) => void echo(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function echo(socket: TLSSocket): Promise<void> {
  socket.setNoDelay(true).on('error', () => {});
  await heard(socket, 'xmlns', '>');
  socket.write(answer + mechanisms);
  await heard(socket, '<auth', '</auth>');
  socket.write(success);
  await heard(socket, 'xmlns', '>');
  socket.write(answer + bind);
  socket.on('data', (chunk) => socket.write(chunk));
}

/** Reads until what came holds `start` and ends with `end`. */
async function heard(socket: TLSSocket, start: string, end: string): Promise<void> {
  let text = '';
  while (!text.includes(start) || !text.endsWith(end)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
}

let roundTrips = 0;

async function converse({ port, byteLength }: LoadRequest, { ca }: Credentials): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: domain, ALPNProtocols: ['xmpp-client'] });
  socket.setNoDelay(true);
  await once(socket, 'secureConnect');
  socket.write(opening);
  await heard(socket, '<stream:features', '</stream:features>');
  socket.write(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'>AGEAYg==</auth>`);
  await heard(socket, '<success', '>');
  socket.write(opening);
  await heard(socket, '<stream:features', '</stream:features>');
  const stanza = messageOf(byteLength);
  let missing = stanza.length;
  socket.on('data', (chunk) => {
    missing -= chunk.length;
    if (missing < 0) throw new RangeError('more came back than was sent');
    if (missing > 0) return;
    roundTrips += 1;
    missing = stanza.length;
    socket.write(stanza);
  });
  socket.on('error', () => {});
  socket.write(stanza);
  return socket;
}

let credentials: Credentials | undefined;
let sockets: TLSSocket[] = [];
let roundMs = 0;

async function handle(message: Credentials | LoadRequest | 'go' | 'stop'): Promise<unknown> {
  if (message === 'go') {
    const before = roundTrips;
    await new Promise((resolve) => {
      setTimeout(resolve, roundMs);
    });
    return { roundTrips: roundTrips - before } satisfies LoadResult;
  }
  if (message === 'stop') {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    return 'stopped';
  }
  if ('ca' in message) {
    credentials = message;
    return serve(message);
  }
  ({ roundMs } = message);
  for (let i = 0; i < message.connections; i += 1) sockets.push(await converse(message, credentials!));
  await new Promise((resolve) => {
    setTimeout(resolve, warmUpMs);
  });
  return 'ready';
}

process.on('message', (message: Parameters<typeof handle>[0]) => {
  void handle(message).then((answer) => process.send!(answer));
});

process.once('disconnect', () => process.exit());
