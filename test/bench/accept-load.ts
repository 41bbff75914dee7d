/** A child process of accept.ts: clients that do nothing but full handshakes. */
import { once } from 'node:events';
import { connect } from 'node:tls';

export interface AcceptLoad {
  readonly port: number;
  readonly handshakes: number;
  readonly ca: string;
}

const concurrency = 8;

async function handshake({ port, ca }: AcceptLoad): Promise<void> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca,
    servername: 'im.example',
    ALPNProtocols: ['xmpp-client'],
  });
  await once(socket, 'secureConnect');
  socket.end();
  await once(socket, 'close');
}

async function run(load: AcceptLoad): Promise<void> {
  let left = load.handshakes;
  const clients = Array.from({ length: concurrency }, async () => {
    while (left > 0) {
      left -= 1;
      await handshake(load);
    }
  });
  await Promise.all(clients);
  process.send!('done');
}

process.on('message', (message: AcceptLoad) => void run(message));
process.once('disconnect', () => process.exit());
