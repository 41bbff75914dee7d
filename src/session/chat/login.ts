/** The start of a chat channel: handshake, then the gatekeeper's answer to the login. */
import type { Socket } from 'node:net';
import { FrameReader } from '../../chat/frames.ts';
import type { ChatHandshake } from '../../chat/handshake.ts';
import type { Transport } from '../../noise/handshake-state.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import { ownCopy } from '../../stanza/own-bytes.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { onPeerEnd } from '../../transport/close.ts';
import { DeadlineError, onDeadline } from '../../transport/deadline.ts';
import { GatekeeperError, GatekeeperUnreachableError } from '../../transport/gatekeeper-error.ts';
import { channelError, handshakeError } from './channel-error.ts';
import type { ChatCodec } from './codec.ts';

export interface LoginLimits {
  readonly handshakeBytesMax: number;
  readonly frameBytesMax: number;
  /** Bytes in the XML form that may come before the answer. */
  readonly earlyBytesMax: number;
}

export interface LoginOptions {
  readonly handshake: ChatHandshake;
  readonly codec: ChatCodec;
  readonly limits: LoginLimits;
  /** Milliseconds for handshake and answer. */
  readonly timeoutMs: number;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Called with the number of bytes of each chunk. */
  readonly bytesRead: (count: number) => void;
}

/** A channel whose login was accepted. Its socket is paused. */
export interface OpenChannel {
  readonly socket: Socket;
  readonly frames: FrameReader;
  readonly transport: Transport;
  /** Bytes that were read and not split into frames. */
  readonly unread: Uint8Array;
  /** Elements in the XML form to deliver first: `success`, then those that came before it. */
  readonly waiting: readonly Uint8Array[];
}

/** The gatekeeper's answer. `reason` is the number that it states, undefined without one. */
export type LoginAnswer =
  | { readonly kind: 'accepted'; readonly channel: OpenChannel }
  | { readonly kind: 'refused'; readonly reason: number | undefined };

/** The answer as it was read, before the channel is handed over. */
type FoundAnswer =
  { readonly kind: 'accepted'; readonly success: Uint8Array } | Extract<LoginAnswer, { kind: 'refused' }>;

/** Logs in on a connected socket. Unless the login is accepted the socket is destroyed.
 *  @throws GatekeeperError, StreamError ERR_CHANNEL_…, or the signal's reason */
export function logIn(socket: Socket, options: LoginOptions): Promise<LoginAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<LoginAnswer>();
  new Login(socket, options, resolve, reject).start();
  return promise;
}

class Login {
  readonly #socket: Socket;
  readonly #options: LoginOptions;
  readonly #frames: FrameReader;
  readonly #resolve: (answer: LoginAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #transport: Transport | undefined;
  #answer: FoundAnswer | undefined;
  #settled = false;
  #stopTimer = (): void => {};
  readonly #onData = (chunk: Uint8Array): void => this.#take(chunk);

  constructor(
    socket: Socket,
    options: LoginOptions,
    resolve: (answer: LoginAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#frames = new FrameReader(options.limits.handshakeBytesMax);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { handshake, timeoutMs, signal } = this.#options;
    onPeerEnd(this.#socket, () => this.#fail(this.#lost()));
    this.#stopTimer = onDeadline(timeoutMs, signal, (reason) =>
      this.#fail(reason instanceof DeadlineError ? new GatekeeperUnreachableError('timed-out') : reason),
    );
    if (signal.aborted) {
      this.#fail(signal.reason);
      return;
    }
    this.#socket.on('data', this.#onData);
    this.#socket.write(handshake.start());
  }

  #lost(): GatekeeperError {
    const cause = this.#transport === undefined ? 'handshake-failed' : 'login-refused';
    return new GatekeeperError('ERR_CHANNEL_HANDSHAKE', cause);
  }

  #take(chunk: Uint8Array): void {
    this.#options.bytesRead(chunk.length);
    try {
      const taken = this.#frames.push(chunk, (frame) => this.#takeFrame(frame));
      if (this.#answer !== undefined) this.#conclude(this.#answer, chunk.subarray(taken));
    } catch (error) {
      this.#fail(this.#transport === undefined ? handshakeError(error) : channelError(error));
    }
  }

  /** @throws ChatError, NoiseError, StreamError */
  #takeFrame(frame: Uint8Array): void {
    const { handshake, codec, limits } = this.#options;
    if (this.#transport !== undefined) {
      const xml = codec.decode(this.#transport.receiving.open(frame));
      codec.read(xml, (stanza) => this.#takeElement(stanza, xml));
      if (this.#answer !== undefined) this.#frames.halt();
      return;
    }
    const { clientFinish, transport } = handshake.finish(frame);
    // The answer may come as soon as the message is written.
    this.#transport = transport;
    this.#frames.bytesMax = limits.frameBytesMax;
    this.#socket.write(clientFinish);
  }

  #takeElement(stanza: Stanza, xml: Uint8Array): void {
    if (stanza.is(0, ns.chat, 'success')) this.#answer = { kind: 'accepted', success: ownCopy(xml) };
    else if (stanza.is(0, ns.chat, 'failure')) this.#answer = { kind: 'refused', reason: reasonOf(stanza) };
    else if (stanza.kind === 'nonza') throw new GatekeeperError('ERR_CHANNEL_HANDSHAKE', 'login-refused');
    else this.#keep(xml);
  }

  /** @throws StreamError ERR_CHANNEL_LOGIN */
  #keep(xml: Uint8Array): void {
    const { earlyBytesMax } = this.#options.limits;
    this.#earlyBytes += xml.length;
    if (this.#earlyBytes > earlyBytesMax)
      throw new StreamError('remote-connection-failed', { code: 'ERR_CHANNEL_LOGIN', earlyBytesMax });
    this.#early.push(ownCopy(xml));
  }

  #conclude(answer: FoundAnswer, unread: Uint8Array): void {
    if (this.#settled) return;
    this.#detach();
    if (answer.kind === 'refused') {
      this.#close();
      this.#resolve(answer);
      return;
    }
    this.#socket.pause();
    const waiting = [answer.success, ...this.#early];
    const [socket, frames, transport] = [this.#socket, this.#frames, this.#transport!];
    this.#resolve({
      kind: 'accepted',
      channel: { socket, frames, transport, unread: ownCopy(unread), waiting },
    });
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#detach();
    this.#close();
    this.#reject(error);
  }

  #close(): void {
    this.#socket.destroy();
    this.#options.codec.forget();
  }

  #detach(): void {
    this.#settled = true;
    this.#stopTimer();
    this.#socket.off('data', this.#onData);
  }
}

/** Returns the number that a `failure` states as its reason. */
function reasonOf(failure: Stanza): number | undefined {
  const text = failure.attributeValue(0, 'reason') ?? '';
  return /^[0-9]{1,6}$/.test(text) ? Number(text) : undefined;
}
