/** Both legs of a session with the relay between them, shared by the phases from `authenticating` on. */
import type { Direction } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { StreamHeader } from '../../stream/header.ts';
import type { StanzaWriter } from '../dispatch.ts';
import type { SessionRecord } from '../facts.ts';
import type { GatekeeperLeg } from '../gatekeeper-leg.ts';
import type { Side, XmppLeg } from '../leg.ts';
import type { Machine, Routed, SessionLimits } from '../machine.ts';
import type { Phase } from '../phase.ts';
import { ReadPacer } from '../read-pacer.ts';
import { Relay } from '../relay.ts';
import { refuseOtherNamespace } from './routing.ts';

export class Connected<Gatekeeper extends GatekeeperLeg = GatekeeperLeg> {
  readonly machine: Machine;
  readonly facts: SessionRecord;
  readonly client: XmppLeg;
  readonly gatekeeper: Gatekeeper;
  readonly limits: SessionLimits;
  readonly #header: StreamHeader;
  /** Receives what the relay sends to the client. */
  readonly #toClient: DivertedWriter;
  #diversion: Diversion | undefined;
  /** Set when the gatekeeper has accepted the client by SASL 1 and the client authenticates by SASL 2. */
  inlineRequest: Stanza | undefined;
  readonly #relay: Relay;
  readonly #pacers: Readonly<Record<Direction, ReadPacer>>;

  constructor({ machine, facts, client, header, limits, stages }: Routed, gatekeeper: Gatekeeper) {
    this.machine = machine;
    this.facts = facts;
    this.client = client;
    this.gatekeeper = gatekeeper;
    this.limits = limits;
    this.#header = header;
    this.#toClient = new DivertedWriter(client);
    const writers = { 'to-gatekeeper': gatekeeper, 'to-client': this.#toClient };
    const perform = (step: () => void): void => machine.perform(step);
    const padded = (direction: Direction, bytes: number): void => this.#padded(direction, bytes);
    const waited = machine.observer.waited.bind(machine.observer);
    const equalised = machine.observer.equalised.bind(machine.observer);
    const performAfter = (wait: Promise<void>, step: () => void): void => void this.#performAfter(wait, step);
    this.#relay = new Relay(
      {
        facts,
        protocol: gatekeeper.protocol,
        writers,
        padded,
        waited,
        equalised,
        perform,
        performAfter,
        logInInline: (request) => {
          this.inlineRequest = request;
        },
      },
      { ...machine.options, stages },
    );
    const { rates } = limits;
    const paced = { ...machine.options, rates, paced: machine.observer.paced.bind(machine.observer) };
    this.#pacers = {
      'to-gatekeeper': new ReadPacer('client', client, paced),
      'to-client': new ReadPacer('gatekeeper', gatekeeper, paced),
    };
  }

  enter(name: Phase): void {
    const { machine, facts, client, gatekeeper } = this;
    machine.enter({ name, facts, client, gatekeeper, header: this.#header, relay: this });
  }

  /** Sends what is for the client elsewhere; to the client again when undefined. */
  divert(diversion: Diversion | undefined): void {
    this.#diversion = diversion;
    this.#toClient.to = diversion ?? this.client;
  }

  /** Opens the gatekeeper's next stream with the header of the client's stream. */
  repeatHeader(): void {
    this.forwardHeader(this.#header, 'to-gatekeeper');
  }

  get resumable(): boolean {
    return this.#relay.resumable;
  }

  /** Ends the relay and the pauses of both sides.
   *  @returns whether another connection may resume the stream */
  end(): Promise<boolean> {
    for (const pacer of Object.values(this.#pacers)) pacer.end();
    return this.#relay.end();
  }

  /** Relays an element.
   *  @returns whether it is a nonza that was sent on to the other side
   *  @throws StreamError of a stage or a limit */
  take(stanza: Stanza, direction: Direction): boolean {
    const { byteLength } = stanza;
    this.facts.learn(stanza, direction);
    this.machine.observer.stanza(direction, stanza.kind);
    const passed = this.#relay.take(stanza, direction);
    this.#spendStanza(direction, byteLength);
    return passed;
  }

  /** Relays a keep-alive. It is written and encrypted as a stanza is, so it counts as one. */
  keepAlive(direction: Direction, byteLength: number): void {
    const to = direction === 'to-gatekeeper' ? this.gatekeeper : this.client;
    to.keepAlive();
    this.#spendStanza(direction, byteLength);
  }

  /** Spends the rates of an established session. Earlier phases have other limits. */
  #spendStanza(direction: Direction, byteLength: number): void {
    if (this.facts.phase === 'established') this.#pacers[direction].spendStanza(byteLength);
  }

  async #performAfter(wait: Promise<void>, step: () => void): Promise<void> {
    const { client, machine } = this;
    client.hold();
    await wait;
    machine.perform(step);
    if (!machine.ended) client.release();
  }

  #padded(direction: Direction, bytes: number): void {
    this.machine.observer.padded(direction, bytes);
    if (this.facts.phase === 'established') this.#pacers[direction].spend('padding', bytes);
  }

  /** Opens the other side's stream with the header of one side, as the policy shows it. The gatekeeper reads the domain
   *  as it was routed, in every header: clients write it in letters of either case, or leave it out of the second.
   *  @throws StreamError ERR_STREAM_HEADER */
  forwardHeader({ scope, attributes }: StreamHeader, direction: Direction): void {
    refuseOtherNamespace(scope.contentNamespace, this.gatekeeper.protocol);
    const { domain } = this.facts;
    const toGatekeeper = direction === 'to-gatekeeper';
    const addressed = toGatekeeper ? new Map([...attributes, ['to', domain]]) : attributes;
    const to = toGatekeeper ? this.gatekeeper : this.client;
    to.open(this.machine.options.filterHeader(addressed, direction, this.facts));
  }

  /** Ends the session: a side has closed its stream. */
  closedBy(side: Side): void {
    if (side === 'client') this.#relay.forget();
    this.machine.end({ kind: 'closed', by: side });
  }

  /** Ends the session after a stream error of the gatekeeper, which has been passed on. Nothing may follow it
   *  (RFC 6120 §4.9.1.1). @returns whether `passed` is one */
  endedBy(passed: Stanza): boolean {
    if (!passed.is(0, ns.streams, 'error')) return false;
    this.#diversion?.abandon();
    this.closedBy('gatekeeper');
    return true;
  }
}

/** Receives what is for the client. */
export interface Diversion extends StanzaWriter {
  /** Sends the client the last element that was written: the error that ends the session. */
  abandon(): void;
}

/** Passes stanzas on to a writer that can be changed. */
class DivertedWriter implements StanzaWriter {
  to: StanzaWriter;

  constructor(to: StanzaWriter) {
    this.to = to;
  }

  write(bytes: Uint8Array, start?: number, end?: number): void {
    this.to.write(bytes, start, end);
  }
}

/** Both legs speak XMPP. */
export type XmppConnected = Connected<XmppLeg>;

/** Replaces the limits from before authentication by those of an authenticated stream. */
export function liftLimits({ machine, client, gatekeeper, limits: { stream } }: XmppConnected): void {
  client.limits = stream;
  gatekeeper.limits = stream;
  machine.authenticated();
}
