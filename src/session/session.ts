/** One client connection and one gatekeeper connection, which end together.
 *
 *    securing ─▶ routing ─▶ the gatekeeper's negotiation: dialling ─▶ authenticating ─▶ restarting ─▶ established
 *
 *  Each phase is a file in phases/: it makes its legs, receives what they read, and enters the next phase. This file
 *  has what all phases share: the current phase, flushing after reading, and the end of the session. */
import type { Socket } from 'node:net';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import { StreamError } from '../stanza/error.ts';
import { endGracefully } from '../transport/close.ts';
import type { WebSocketConnection } from '../transport/websocket.ts';
import { asStreamError, farewellFor, isRefusal, refusalOf, type EndCause, type Farewell } from './ending.ts';
import { Backpressure, type LegEvents, type Side, type XmppLeg } from './leg.ts';
import type { Machine, PhaseState, SessionOptions } from './machine.ts';
import type { CloseReason, SessionObserver, SessionRefusal } from './observer.ts';
import { ownHeader } from './own-header.ts';
import { offerStartTls } from './phases/starttls.ts';
import { secureClient } from './phases/securing.ts';
import { takeWebSocket } from './phases/upgraded.ts';

/** The listener that accepted a connection. */
export interface SessionListener {
  /** Its name in the configuration. */
  readonly name: string;
  /** How TLS starts. Not used for a WebSocket. */
  readonly tls: 'direct' | 'starttls';
  /** Names in TLS under which a client of any domain may come, in lower case. None by default. */
  readonly sharedNames?: ReadonlySet<string>;
}

/** A connection to start a session on. */
export interface AcceptedConnection {
  readonly socket: Socket;
  readonly evidence: ConnectionEvidence;
  /** Set for one whose TLS is up, and on which a WebSocket was opened. */
  readonly webSocket?: WebSocketConnection;
}

export class Session implements Machine {
  readonly options: SessionOptions;
  readonly observer: SessionObserver;
  readonly evidence: ConnectionEvidence;
  readonly listener: string;
  readonly sharedNames: ReadonlySet<string>;
  readonly startedAt: number;
  /** Resolves with the reason when both connections are closed. */
  readonly done: Promise<CloseReason>;
  readonly events: LegEvents;
  readonly #accepted: Socket;
  readonly #abort = new AbortController();
  readonly #settle: (reason: CloseReason) => void;
  readonly #cancelDeadline: () => void;
  #state: PhaseState = { name: 'securing' };
  #cancelAge = (): void => {};
  #backpressure: Backpressure | undefined;
  #reason: CloseReason | undefined;

  /** Starts a session on a connection that was just accepted. */
  constructor(
    { socket, evidence, webSocket }: AcceptedConnection,
    { name, tls, sharedNames = noNames }: SessionListener,
    options: SessionOptions,
    observer: SessionObserver,
  ) {
    this.options = options;
    this.observer = observer;
    this.evidence = evidence;
    this.listener = name;
    this.sharedNames = sharedNames;
    this.startedAt = options.clock();
    this.#accepted = socket;
    const { promise, resolve } = Promise.withResolvers<CloseReason>();
    this.done = promise;
    this.#settle = resolve;
    this.#cancelDeadline = this.#limitAuthentication();
    this.events = this.#listenToLegs();
    observer.phase('securing');
    if (webSocket !== undefined) takeWebSocket(this, webSocket);
    else if (tls === 'direct') void secureClient(this, socket);
    else offerStartTls(this, socket);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get ended(): boolean {
    return this.#reason !== undefined;
  }

  /** Ends the session; both peers are sent the reason. */
  shutDown(): void {
    this.#refuse(shutdown());
  }

  /** Ends the session as a lost connection, so that the client may resume its stream on another one (XEP-0198 §5). Nothing
   *  that is read meanwhile is passed on.
   *  @param reason sent to the client of a session whose stream cannot be resumed, or whose counts are not kept */
  async handOver(reason = shutdown()): Promise<void> {
    const { client, gatekeeper, relay } = this.#state;
    if (this.ended || relay?.resumable !== true) {
      this.#refuse(reason);
      return;
    }
    client?.hold();
    gatekeeper?.hold();
    this.#flush();
    // The client must not come back before its counts are where it comes to.
    if (await relay.end()) this.end({ kind: 'handed-over', code: reason.code });
    else this.#refuse(reason);
  }

  /** Ends the session after the loss of a connection. */
  async #lose(side: Side): Promise<void> {
    const { client, relay } = this.#state;
    const resumable = side === 'gatekeeper' && relay?.resumable === true;
    if (resumable) {
      client?.hold();
      this.#flush();
      // The client must not come back before its counts are where it comes to, if they can be there.
      await relay.end();
    }
    this.end({ kind: 'lost', side, resumable });
  }

  enter(state: PhaseState): void {
    const { name, facts, client, gatekeeper } = state;
    // One phase may have several states, as `securing` has before and after STARTTLS.
    if (name !== this.#state.name) this.observer.phase(name);
    this.#state = state;
    if (facts !== undefined) facts.phase = name;
    if (client !== undefined && gatekeeper !== undefined)
      this.#backpressure ??= new Backpressure(client, gatekeeper);
  }

  perform(step: () => void): void {
    if (this.ended) return;
    try {
      step();
      this.#flush();
    } catch (error) {
      this.#refuse(asStreamError(error));
    }
  }

  authenticated(): void {
    this.#cancelDeadline();
    const { idleMs, schedule } = this.options;
    const ageMs = this.options.sessionAgeMs();
    if (ageMs > 0)
      this.#cancelAge = schedule(
        ageMs,
        () => void this.handOver(new StreamError('reset', { code: 'ERR_SESSION_AGE' })),
      );
    if (idleMs > 0)
      this.#state.client?.onIdle(idleMs, () =>
        this.#refuse(new StreamError('connection-timeout', { code: 'ERR_IDLE_TIMEOUT' })),
      );
  }

  end(cause: EndCause): void {
    if (this.ended) return;
    const { client, gatekeeper, relay, facts } = this.#state;
    const farewell = farewellFor(cause);
    if (client !== undefined) this.#tellClient(client, farewell);
    if (farewell.gatekeeper !== 'nothing')
      gatekeeper?.close(farewell.gatekeeper === 'close' ? undefined : farewell.gatekeeper.condition);
    this.#reason = farewell.reason;
    void relay?.end();
    this.enter(facts === undefined ? { name: 'closing' } : { name: 'closing', facts });
    this.#cancelDeadline();
    this.#cancelAge();
    this.#abort.abort(sessionOver);
    const { closeGraceMs } = this.options;
    const ends: Promise<unknown>[] = [
      client?.end(closeGraceMs) ?? endGracefully(this.#accepted, { closeGraceMs }),
    ];
    if (gatekeeper !== undefined) ends.push(gatekeeper.end(closeGraceMs));
    void this.#finish(ends, farewell.reason, refusalOf(cause));
  }

  #listenToLegs(): LegEvents {
    const { observer } = this;
    return {
      bytesRead: (direction, count) => observer.bytes(direction, count),
      handled: () => this.#flush(),
      refused: (error, side) => this.end({ kind: 'refused', error: asStreamError(error), side }),
      lost: (side) => void this.#lose(side),
      stalled: () => this.end({ kind: 'stalled' }),
    };
  }

  #limitAuthentication(): () => void {
    const { schedule, preAuthenticationMs } = this.options;
    return schedule(preAuthenticationMs, () =>
      this.#refuse(
        new StreamError('connection-timeout', { code: 'ERR_PRE_AUTH_TIMEOUT', preAuthenticationMs }),
      ),
    );
  }

  #flush(): void {
    if (!this.ended) this.#backpressure?.flush();
  }

  #refuse(error: StreamError): void {
    this.end({ kind: 'refused', error, side: 'client' });
  }

  /** Sends a client its last words. An error opens the stream first where none is open (RFC 6120 §4.9.1.2). */
  #tellClient(client: XmppLeg, { client: words, reason }: Farewell): void {
    if (words === 'nothing' || !client.socket.writable) return;
    if (words === 'close') {
      client.close();
      return;
    }
    if (!client.isOpen) client.open(ownHeader(this.#state.header, this.options));
    client.close(words.condition, this.#withSupportCode(words.text, reason));
  }

  #withSupportCode(text: string | undefined, reason: CloseReason): string | undefined {
    if (!isRefusal(reason)) return text;
    const code = `Support code ${this.options.supportCode(this.#state.name, reason)}.`;
    return text === undefined ? code : `${text} ${code}`;
  }

  async #finish(
    ends: readonly Promise<unknown>[],
    reason: CloseReason,
    refusal: SessionRefusal | undefined,
  ): Promise<void> {
    await Promise.all(ends);
    this.options.workspace.forget();
    this.options.rendering.forget();
    this.observer.closed(reason, refusal);
    this.#settle(reason);
  }
}

/** One for all: an error of each session would read the stack. */
const sessionOver = new Error('the session is over');

const noNames: ReadonlySet<string> = new Set();

function shutdown(): StreamError {
  return new StreamError('system-shutdown', { code: 'ERR_SHUTDOWN' });
}
