/** The load of the WebSocket bench, a process of its own: clients over TCP and over WebSocket, and their gatekeeper. */
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';
import { authenticateOver, openWebSocket } from '../support/websocket-client.ts';

export type Transport = 'tcp' | 'websocket';

/** What the bench asks for, one at a time; each is answered by a message. */
export type LoadRequest =
  | { readonly kind: 'start'; readonly cert: string; readonly key: string; readonly ca: string }
  | { readonly kind: 'open'; readonly transport: Transport; readonly port: number; readonly sessions: number }
  | { readonly kind: 'close' };

/** Answer to `start`: the gatekeeper's port. */
export interface Started {
  readonly port: number;
}

const domain = 'im.example';
const concurrency = 8;
let ca = '';
/** Each ends one connection, and resolves when it is closed. */
let open: (() => Promise<unknown>)[] = [];

async function logIn(transport: Transport, port: number): Promise<() => Promise<unknown>> {
  if (transport === 'tcp') {
    const { socket, closed } = await logInRaw(port, ca, { servername: domain, to: domain });
    return () => {
      socket.destroy();
      return closed;
    };
  }
  const client = await openWebSocket(port, { ca });
  await authenticateOver(client, { username: 'a', password: 'b', to: domain });
  return () => {
    client.socket.terminate();
    return client.closed;
  };
}

async function answer(request: LoadRequest): Promise<object> {
  switch (request.kind) {
    case 'start': {
      ca = request.ca;
      const gatekeeper = await startRawGatekeeper(request.cert, request.key, () => {});
      return { port: gatekeeper.port } satisfies Started;
    }
    case 'open': {
      let left = request.sessions;
      const work = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          open.push(await logIn(request.transport, request.port));
        }
      };
      await Promise.all(Array.from({ length: concurrency }, work));
      return {};
    }
    default: {
      const ends = open;
      open = [];
      await Promise.all(ends.map((end) => end()));
      return {};
    }
  }
}

process.on('message', (request) => {
  void answer(request as LoadRequest).then((reply) => process.send!(reply));
});
