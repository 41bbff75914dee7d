/** The gatekeeper's own app on the chat channel: connects to its chat server directly, and acknowledges as an honest
 *  client does. Certificates are not checked, since both ends are the simulator's. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SimulatorError } from '../error.ts';
import { intro } from './connection.ts';
import { packFields } from './fields.ts';
import { FrameBuffer, frameOf } from './frame-buffer.ts';
import { Inbox } from '../inbox.ts';
import { honest, type Manners } from './manners.ts';
import { defaultNodeForm, packNode, unpackNode, type ChatNode, type NodeForm } from './node.ts';
import { AppHandshake, type FrameEncryption, type ServerKey } from './noise.ts';

export interface ChatAppOptions {
  readonly host: string;
  readonly port: number;
  /** The static key that the gatekeeper knows. */
  readonly staticKey: ServerKey;
  /** Digits of the user's name. */
  readonly number: string;
  readonly device?: number;
  readonly name?: string;
  /** Default: `honest`. */
  readonly manners?: Manners;
  /** ClientPayload in place of the one that follows from the other options. */
  readonly payload?: Uint8Array;
  /** Bytes that are sent before the intro: a PROXY header. */
  readonly prefix?: Uint8Array;
  /** Milliseconds to wait for any one answer. Default: 10,000. */
  readonly timeoutMs?: number;
}

export interface ChatApp {
  /** The gatekeeper's `success`, or `failure`. */
  readonly answer: ChatNode;
  /** Everything that was received, in order. */
  readonly received: readonly ChatNode[];
  send(node: ChatNode): void;
  /** Returns the first node that `accepts` selects, among those not taken yet, or waits for it.
   *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT`, or `ERR_SIMULATOR_STREAM` when the connection ends first */
  receive(accepts: (node: ChatNode) => boolean, timeoutMs?: number): Promise<ChatNode>;
  /** Sends a request, and returns its answer. */
  request(node: ChatNode): Promise<ChatNode>;
  /** Sends `xmlstreamend`, and waits for the end of the connection. */
  close(): Promise<void>;
  /** Closes the connection without an end of the stream. */
  destroy(): void;
  readonly closed: Promise<void>;
}

const serverForm: NodeForm = { ...defaultNodeForm, interopServer: 'written' };
const frameBytesMax = 0xff_ff_ff;

/** Platform and version that the app states. */
const platform = 14;
const appVersion = [2, 3000, 1] as const;

/** Returns the ClientPayload of the gatekeeper's own app. */
export function appPayload({
  number,
  device = 0,
  name,
}: Pick<ChatAppOptions, 'number' | 'device' | 'name'>): Buffer {
  const version = packFields(...appVersion.map((part, index) => [index + 1, part] as const));
  return packFields(
    [1, Number(number)],
    [3, 0],
    [5, packFields([1, platform], [2, version])],
    ...(name === undefined ? [] : [[7, Buffer.from(name)] as const]),
    [18, device],
  );
}

/** Connects and logs in. A refused login is an answer, `failure`.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT`, `ERR_SIMULATOR_STREAM`, `ERR_SIMULATOR_TIMEOUT` */
export async function connectChatApp(options: ChatAppOptions): Promise<ChatApp> {
  const { host, port, timeoutMs = 10_000 } = options;
  const socket = connect({ host, port, noDelay: true });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    socket.destroy();
    throw new SimulatorError('ERR_SIMULATOR_CONNECT', 'no connection to the chat server', { cause });
  }
  const client = new AppConnection(socket, options);
  const answer = await client.inbox.receive(({ tag }) => tag === 'success' || tag === 'failure', timeoutMs);
  return {
    answer,
    received: client.received,
    closed: client.closed,
    send: (node) => client.send(node),
    receive: (accepts, waitMs = timeoutMs) => client.inbox.receive(accepts, waitMs),
    async request(node) {
      const { id } = node.attrs;
      client.send(node);
      return client.inbox.receive(({ tag, attrs }) => tag === 'iq' && attrs['id'] === id, timeoutMs);
    },
    async close() {
      client.send({ tag: 'xmlstreamend', attrs: {} });
      await client.closed;
    },
    destroy: () => void socket.destroy(),
  };
}

class AppConnection {
  readonly inbox = new Inbox<ChatNode>();
  readonly received: ChatNode[] = [];
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ChatAppOptions;
  readonly #handshake: AppHandshake;
  readonly #buffer = new FrameBuffer();
  #encryption: FrameEncryption | undefined;

  constructor(socket: Socket, options: ChatAppOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#handshake = new AppHandshake(options.staticKey, intro);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => this.inbox.end('the connection broke'));
    socket.on('close', () => this.inbox.end('the server closed the connection'));
    socket.on('data', (bytes) => this.#receive(bytes));
    const { prefix = new Uint8Array(0) } = options;
    socket.write(Buffer.concat([prefix, intro, frameOf(this.#handshake.hello())]));
  }

  send(node: ChatNode): void {
    if (this.#encryption === undefined || this.#socket.destroyed) return;
    this.#socket.write(frameOf(this.#encryption.seal(packNode(node, 'omitted'))));
  }

  #receive(bytes: Uint8Array): void {
    this.#buffer.push(bytes);
    try {
      for (;;) {
        const frame = this.#buffer.frame(frameBytesMax);
        if (frame === undefined) return;
        if (this.#encryption === undefined) this.#finish(frame);
        else this.#take(unpackNode(this.#encryption.open(frame), serverForm));
      }
    } catch {
      this.inbox.end('the server sent what cannot be read');
      this.#socket.destroy();
    }
  }

  #finish(serverHello: Buffer): void {
    const { clientFinish, encryption } = this.#handshake.finish(
      serverHello,
      this.#options.payload ?? appPayload(this.#options),
    );
    this.#encryption = encryption;
    this.#socket.write(frameOf(clientFinish));
  }

  #take(node: ChatNode): void {
    this.received.push(node);
    for (const answer of (this.#options.manners ?? honest)(node)) this.send(answer);
    this.inbox.put(node);
    if (node.tag === 'xmlstreamend') this.#socket.end();
  }
}
