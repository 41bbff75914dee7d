/** One connection of a client at the simulated gatekeeper's chat server: intro, handshake, login, stanzas.
 *  Independent of the transport: TCP, or the messages of a WebSocket. */
import type { ChatAuthority } from './authority.ts';
import { packNode, unpackNode, type ChatNode } from './node.ts';
import { ServerHandshake, type ClientHandshake, type ServerEncryption, type ServerKey } from './noise.ts';

export interface ChatServerOptions {
  readonly serverKey: ServerKey;
  readonly authority: ChatAuthority;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  /** Decides on a login: undefined accepts the client, a number is the reason of the failure that it is sent. */
  readonly login: (client: ClientHandshake) => number | undefined;
  /** Called with each stanza of a client that is logged in. */
  readonly stanza: (node: ChatNode, connection: ChatConnection) => void;
}

const intro = Buffer.from('WA\u0006\u0003', 'latin1');
const routing = Buffer.from('ED\u0000\u0001', 'latin1');

type State =
  | { readonly kind: 'intro' }
  | { readonly kind: 'hello' | 'finish'; readonly handshake: ServerHandshake }
  | { readonly kind: 'open'; readonly encryption: ServerEncryption }
  | { readonly kind: 'closed' };

export class ChatConnection {
  readonly #options: ChatServerOptions;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #end: () => void;
  #state: State = { kind: 'intro' };
  #read = Buffer.alloc(0);
  /** The client's handshake; undefined before it. */
  client: ClientHandshake | undefined;
  /** Stanzas of the client in order. */
  readonly received: ChatNode[] = [];

  constructor(options: ChatServerOptions, write: (bytes: Uint8Array) => void, end: () => void) {
    this.#options = options;
    this.#write = write;
    this.#end = end;
  }

  /** Takes received bytes. Any fault ends the connection. */
  receive(bytes: Uint8Array): void {
    this.#read = Buffer.concat([this.#read, bytes]);
    try {
      while (this.#state.kind !== 'closed' && this.#step());
    } catch {
      this.close();
    }
  }

  /** Sends a stanza.
   *  @throws Error before the login */
  send(node: ChatNode): void {
    if (this.#state.kind !== 'open') throw new Error('the client is not logged in');
    this.#frame(this.#state.encryption.seal(packNode(node)));
  }

  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#end();
  }

  /** Handles one part of the input.
   *  @returns false when more is needed */
  #step(): boolean {
    if (this.#state.kind === 'intro') return this.#takeIntro();
    if (this.#read.length < 3) return false;
    const end = 3 + this.#read.readUIntBE(0, 3);
    if (this.#read.length < end) return false;
    const frame = this.#read.subarray(3, end);
    this.#read = this.#read.subarray(end);
    this.#takeFrame(frame);
    return true;
  }

  /** Skips a routing cookie (a length of three bytes, then the cookie), and reads the intro.
   *  @throws Error when there is no intro */
  #takeIntro(): boolean {
    if (this.#read.length < 4) return false;
    if (this.#read.subarray(0, 4).equals(routing)) {
      if (this.#read.length < 7) return false;
      const end = 7 + this.#read.readUIntBE(4, 3);
      if (this.#read.length < end) return false;
      this.#read = this.#read.subarray(end);
      return true;
    }
    if (!this.#read.subarray(0, 4).equals(intro)) throw new Error('no intro');
    this.#read = this.#read.subarray(4);
    this.#state = { kind: 'hello', handshake: new ServerHandshake(this.#options.serverKey, intro) };
    return true;
  }

  #takeFrame(frame: Buffer): void {
    const state = this.#state;
    if (state.kind === 'hello') {
      const { serverKey, authority, now } = this.#options;
      const chain = authority.chain(serverKey.publicKey, now());
      this.#state = { kind: 'finish', handshake: state.handshake };
      this.#frame(state.handshake.hello(frame, chain));
    } else if (state.kind === 'finish') {
      const { client, encryption } = state.handshake.finish(frame);
      this.client = client;
      this.#state = { kind: 'open', encryption };
      this.#login(client);
    } else if (state.kind === 'open') {
      const node = unpackNode(state.encryption.open(frame));
      this.received.push(node);
      this.#options.stanza(node, this);
    }
  }

  #login(client: ClientHandshake): void {
    const reason = this.#options.login(client);
    if (reason === undefined) {
      this.send({
        tag: 'success',
        attrs: { t: String(Math.floor(this.#options.now() / 1000)), lid: '1@lid' },
      });
      return;
    }
    this.send({ tag: 'failure', attrs: { reason: String(reason) } });
    this.close();
  }

  #frame(bytes: Uint8Array): void {
    const header = Buffer.alloc(3);
    header.writeUIntBE(bytes.length, 0, 3);
    this.#write(Buffer.concat([header, bytes]));
  }
}
