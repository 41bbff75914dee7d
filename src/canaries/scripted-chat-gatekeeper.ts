/** Accepts connections of a proxy on the chat channel, grants every login, and leaves what else a gatekeeper sends to a
 *  script: it can send stanzas that no real server would. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { ChatAuthority } from '../simulator/chat/authority.ts';
import { ChatConnection } from '../simulator/chat/connection.ts';
import type { ChatNode } from '../simulator/chat/node.ts';
import { newServerKey } from '../simulator/chat/noise.ts';
import { nodeXml } from '../simulator/chat/xml.ts';
import { Inbox } from '../simulator/inbox.ts';

/** The gatekeeper's end of one session. */
export interface ChatEnd {
  send(node: ChatNode): void;
  /** Returns the first node that `accepts` selects, or waits for it.
   *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` when the session ends first */
  receive(accepts: (node: ChatNode) => boolean, timeoutMs: number): Promise<ChatNode>;
  close(): void;
}

export interface ScriptedChatGatekeeper {
  readonly port: number;
  /** Root of its certificates: key and serial number, for the configuration of a proxy. */
  readonly root: ChatAuthority['root'];
  /** Everything that it received on all connections: the payload of each login, and each stanza in the XML form. */
  readonly received: readonly Buffer[];
  /** Resolves with the session of the next connection.
   *  @param success attributes of the answer to it */
  next(success: ChatNode['attrs']): Promise<ChatEnd>;
  close(): Promise<void>;
}

interface Awaited {
  readonly success: ChatNode['attrs'];
  readonly resolve: (end: ChatEnd) => void;
}

/** Listens on a free port. */
export async function startScriptedChatGatekeeper(host: string): Promise<ScriptedChatGatekeeper> {
  const received: Buffer[] = [];
  const awaited: Awaited[] = [];
  const sockets = new Set<Socket>();
  const authority = new ChatAuthority();
  const serverKey = newServerKey();
  const server = createServer({ noDelay: true }, (socket) => {
    const inbox = new Inbox<ChatNode>();
    const session = awaited.shift();
    const connection = new ChatConnection(
      {
        authority,
        serverKey,
        now: Date.now,
        login({ payload }) {
          received.push(payload);
          return { kind: 'success', attrs: session?.success ?? {} };
        },
        opened: () => session?.resolve(endOf(connection, inbox)),
        stanza(node) {
          received.push(Buffer.from(nodeXml(node)));
          inbox.put(node);
        },
        closed: () => inbox.end('the session has ended'),
      },
      { write: (bytes) => void socket.write(bytes), end: () => socket.end() },
    );
    sockets.add(socket);
    socket.on('data', (bytes) => connection.receive(bytes));
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      connection.close();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    root: authority.root,
    received,
    next: (success) => new Promise((resolve) => awaited.push({ success, resolve })),
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function endOf(connection: ChatConnection, inbox: Inbox<ChatNode>): ChatEnd {
  return {
    send: (node) => void connection.send(node),
    receive: (accepts, timeoutMs) => inbox.receive(accepts, timeoutMs),
    close: () => connection.end(),
  };
}
