/** One connection of a client at the simulated gatekeeper's chat server: intro, handshake, login, stanzas.
 *  Independent of the transport: TCP, or the messages of a WebSocket. */
import type { ChainOverrides, ChatAuthority } from './authority.ts';
import { FrameBuffer, frameOf } from './frame-buffer.ts';
import { defaultNodeForm, packNode, unpackNode, type ChatNode, type NodeForm } from './node.ts';
import { ServerHandshake, type ClientHandshake, type FrameEncryption, type ServerKey } from './noise.ts';

/** The answer to a login: attributes of `success` or of `failure`. */
export type LoginAnswer =
  | { readonly kind: 'success'; readonly attrs: Readonly<Record<string, string>> }
  | { readonly kind: 'failure'; readonly attrs: Readonly<Record<string, string>> };

export interface ChatConnectionLimits {
  /** Bytes of a frame after the handshake. */
  readonly frameBytesMax: number;
  /** Bytes of a frame of the handshake, and of a routing cookie. */
  readonly handshakeBytesMax: number;
}

export const defaultConnectionLimits: ChatConnectionLimits = {
  frameBytesMax: 1_048_576,
  handshakeBytesMax: 16_384,
};

export interface ChatServerOptions {
  readonly serverKey: ServerKey;
  readonly authority: ChatAuthority;
  /** Deviations from a valid chain. */
  readonly chain?: ChainOverrides | undefined;
  readonly limits?: ChatConnectionLimits;
  readonly form?: NodeForm;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  /** Decides on a login. */
  readonly login: (client: ClientHandshake, connection: ChatConnection) => LoginAnswer | Promise<LoginAnswer>;
  /** Called when `success` was sent. */
  readonly opened?: (connection: ChatConnection) => void;
  /** Called with each stanza of a client that is logged in. */
  readonly stanza: (node: ChatNode, connection: ChatConnection) => void;
  /** Called with each node in both directions. */
  readonly onNode?: (direction: 'received' | 'sent', node: ChatNode) => void;
  /** Called once when the connection ends, by whichever side. */
  readonly closed?: (connection: ChatConnection) => void;
}

/** Where a connection's bytes go. */
export interface ChatTransport {
  readonly write: (bytes: Uint8Array) => void;
  /** Ends the transport when all written bytes have left. */
  readonly end: () => void;
}

/** First bytes of a client: `WA`, 6, version of the dictionary. They are the handshake's prologue. */
export const intro = Buffer.from('WA\u0006\u0003', 'latin1');
const routing = Buffer.from('ED\u0000\u0001', 'latin1');
const routingHeaderBytes = 7;

type State =
  | { readonly kind: 'intro' }
  | { readonly kind: 'hello'; readonly handshake: ServerHandshake }
  | { readonly kind: 'finish'; readonly handshake: ServerHandshake }
  | { readonly kind: 'login' }
  | { readonly kind: 'open'; readonly encryption: FrameEncryption }
  | { readonly kind: 'closed' };

export class ChatConnection {
  readonly #options: ChatServerOptions;
  readonly #limits: ChatConnectionLimits;
  readonly #transport: ChatTransport;
  readonly #buffer = new FrameBuffer();
  #state: State = { kind: 'intro' };
  #cookies = 0;

  constructor(options: ChatServerOptions, transport: ChatTransport) {
    this.#options = options;
    this.#limits = options.limits ?? defaultConnectionLimits;
    this.#transport = transport;
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open';
  }

  /** Takes received bytes. Any fault ends the connection. */
  receive(bytes: Uint8Array): void {
    if (this.#state.kind === 'closed') return;
    this.#buffer.push(bytes);
    if (this.#state.kind === 'login' && this.#buffer.length > this.#limits.frameBytesMax) this.close();
    else this.#proceed();
  }

  /** Sends a stanza; none to a client that is not logged in, or is gone.
   *  @returns whether it was sent */
  send(node: ChatNode): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#seal(this.#state.encryption, node);
    return true;
  }

  /** Ends a stream with `stream:error` and `xmlstreamend`. */
  fail(error: ChatNode): void {
    this.send(error);
    this.end();
  }

  /** Ends a stream with `xmlstreamend`. */
  end(): void {
    this.send({ tag: 'xmlstreamend', attrs: {} });
    this.close();
  }

  /** Ends the connection without an end of the stream. */
  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#transport.end();
    this.#options.closed?.(this);
  }

  #proceed(): void {
    try {
      while (this.#step());
    } catch {
      this.close();
    }
  }

  /** Handles one part of the input.
   *  @returns false when more is needed
   *  @throws Error for any fault */
  #step(): boolean {
    const state = this.#state;
    // What follows ClientFinish waits for the decision.
    if (state.kind === 'login' || state.kind === 'closed') return false;
    if (state.kind === 'intro') return this.#takeIntro();
    const { frameBytesMax, handshakeBytesMax } = this.#limits;
    const frame = this.#buffer.frame(state.kind === 'open' ? frameBytesMax : handshakeBytesMax);
    if (frame === undefined) return false;
    if (state.kind === 'hello') this.#takeHello(state.handshake, frame);
    else if (state.kind === 'finish') this.#takeFinish(state.handshake, frame);
    else this.#takeStanza(state.encryption, frame);
    return true;
  }

  /** Skips a routing cookie (a length of three bytes, then the cookie), and reads the intro.
   *  @throws Error when there is no intro */
  #takeIntro(): boolean {
    const first = this.#buffer.peek(intro.length);
    if (first === undefined) return false;
    if (first.equals(routing) && this.#cookies === 0) return this.#takeCookie();
    if (!first.equals(intro)) throw new Error('no intro');
    this.#buffer.take(intro.length);
    this.#state = { kind: 'hello', handshake: new ServerHandshake(this.#options.serverKey, intro) };
    return true;
  }

  #takeCookie(): boolean {
    const length = this.#buffer.peek(routingHeaderBytes)?.readUIntBE(routing.length, 3);
    if (length === undefined) return false;
    if (length > this.#limits.handshakeBytesMax) throw new Error('a cookie exceeds its limit');
    if (this.#buffer.take(routingHeaderBytes + length) === undefined) return false;
    this.#cookies += 1;
    return true;
  }

  #takeHello(handshake: ServerHandshake, frame: Buffer): void {
    const { serverKey, authority, now, chain } = this.#options;
    const certificates = authority.chain(serverKey.publicKey, now(), chain);
    this.#state = { kind: 'finish', handshake };
    this.#transport.write(frameOf(handshake.hello(frame, certificates)));
  }

  #takeFinish(handshake: ServerHandshake, frame: Buffer): void {
    const { client, encryption } = handshake.finish(frame);
    this.#state = { kind: 'login' };
    // A payload that is no ClientPayload is a fault like others.
    this.#login(client, encryption).catch(() => this.close());
  }

  async #login(client: ClientHandshake, encryption: FrameEncryption): Promise<void> {
    const answer = await this.#options.login(client, this);
    if (this.#state.kind !== 'login') return;
    this.#seal(encryption, { tag: answer.kind, attrs: answer.attrs });
    if (answer.kind === 'failure') {
      this.close();
      return;
    }
    this.#state = { kind: 'open', encryption };
    this.#options.opened?.(this);
    this.#proceed();
  }

  #takeStanza(encryption: FrameEncryption, frame: Buffer): void {
    const node = unpackNode(encryption.open(frame), this.#options.form ?? defaultNodeForm);
    this.#options.onNode?.('received', node);
    if (node.tag === 'xmlstreamend') this.close();
    else this.#options.stanza(node, this);
  }

  #seal(encryption: FrameEncryption, node: ChatNode): void {
    this.#options.onNode?.('sent', node);
    this.#transport.write(frameOf(encryption.seal(packNode(node))));
  }
}
