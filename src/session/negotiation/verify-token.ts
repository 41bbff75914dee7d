/** The negotiation with a gatekeeper on the chat channel. The client authenticates to the proxy by its ownership token.
 *  Only then is the gatekeeper dialled, with the token in the handshake, and only its `success` is the client's.
 *
 *    client ── OAUTHBEARER, or PLAIN with the token ──▶ proxy ── Noise, with the token ──▶ gatekeeper
 *    client ◀── success, or failure with the condition ── proxy ◀── success, or failure with a reason ── gatekeeper */
import { Sensitive } from '../../stanza/sensitive.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { OwnershipClaims } from '../../stanza/ownership-claims.ts';
import type { ConnectionEvidence } from '../../signals/connection-evidence.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { accountOf } from '../authentication/account.ts';
import { profileOf, saslProfiles } from '../authentication/sasl-profile.ts';
import {
  TokenExchange,
  type Attempt,
  type ProvenToken,
  type TokenAuthenticationOptions,
} from '../authentication/token-exchange.ts';
import { bearerMechanisms } from '../authentication/bearer.ts';
import { ChatLeg, type ChatLegOptions } from '../chat/chat-leg.ts';
import { endingOf, loginRefusal } from '../chat/endings.ts';
import type { LoginAnswer, OpenChannel } from '../chat/login.ts';
import type { SessionFacts } from '../facts.ts';
import type { Negotiation, Routed } from '../machine.ts';
import { ownHeader } from '../own-header.ts';
import { Connected } from '../phases/connected.ts';
import { reportedDial } from '../phases/dialling.ts';
import { establish } from '../phases/established.ts';
import { refuseOtherDomain } from '../phases/restarting.ts';
import { refuseOtherNamespace } from '../phases/routing.ts';

/** One login of a client, as the gatekeeper is dialled for it. */
export interface ChannelRequest {
  readonly token: Sensitive<string>;
  /** The user-visible identifier in the token. */
  readonly subject: Sensitive<string>;
  /** The number of the internal identifier, where the gatekeeper requires it. */
  readonly accountNumber: bigint | undefined;
  /** What chooses the client's capability profile. */
  readonly client: Pick<SessionFacts, 'listener' | 'domain' | 'claims'>;
  readonly evidence: ConnectionEvidence;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Called with the number of bytes of each chunk that is read. */
  readonly bytesRead: (count: number) => void;
}

/** A gatekeeper on the chat channel, as a negotiation uses it. */
export interface ChatGatekeeper extends Pick<ChatLegOptions, 'codec' | 'output'> {
  readonly authentication: TokenAuthenticationOptions;
  /** Reads the account number from an authorization identity; undefined where it is none. Absent where the gatekeeper
   *  requires no number. */
  readonly accountNumberOf?: ((authorization: Sensitive<string>) => bigint | undefined) | undefined;
  /** Dials, does the handshake, and waits for the answer.
   *  @throws GatekeeperError, StreamError ERR_CHANNEL_…, ERR_SIGNALS_…, or the signal's reason */
  readonly connect: (request: ChannelRequest) => Promise<LoginAnswer>;
}

export function verifyToken(gatekeeper: ChatGatekeeper): Negotiation {
  return { begin: (routed) => new TokenLogin(routed, gatekeeper).begin() };
}

const sasl = saslProfiles[0]!;
const mechanisms = bearerMechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('');
const offer = Buffer.from(
  `<stream:features><mechanisms xmlns='${ns.sasl}'>${mechanisms}</mechanisms></stream:features>`,
);
const success = Buffer.from(`<success xmlns='${ns.sasl}'/>`);
const noFeatures = Buffer.from('<stream:features/>');

class TokenLogin {
  readonly #routed: Routed;
  readonly #gatekeeper: ChatGatekeeper;
  readonly #exchange: TokenExchange;

  constructor(routed: Routed, gatekeeper: ChatGatekeeper) {
    this.#routed = routed;
    this.#gatekeeper = gatekeeper;
    const { facts, machine } = routed;
    const { accountNumberOf } = gatekeeper;
    this.#exchange = new TokenExchange(
      {
        facts,
        send: (element) => machine.perform(() => this.#send(element)),
        proven: (attempt, proof) => machine.perform(() => this.#proven(attempt, proof)),
        mayActAs: (authorization) => accountNumberOf?.(authorization) !== undefined,
      },
      gatekeeper.authentication,
      [sasl],
    );
    // The verdict on a token may come later than the end of the session.
    machine.signal.addEventListener('abort', () => this.#exchange.end(), { once: true });
  }

  /** Offers the mechanisms that carry a token. Called inside the sink call of the client's header. */
  begin(): void {
    const { machine, client, protocol } = this.#routed;
    client.protocol = protocol;
    this.#await();
    client.open(ownHeader(this.#routed.header, machine.options));
    this.#send(offer);
    client.afterChunk(() => client.release());
  }

  /** Waits for the client's token. */
  #await(): void {
    const { machine, client, header, facts } = this.#routed;
    machine.enter({ name: 'authenticating', client, header, facts });
    client.receive({
      stanza: (stanza) => this.#take(stanza),
      whitespace: () => {},
      end: () => machine.end({ kind: 'closed', by: 'client' }),
    });
  }

  /** @throws StreamError ERR_NEGOTIATION, ERR_CLIENT_GAVE_UP, ERR_AUTHENTICATION_ATTEMPTS */
  #take(stanza: Stanza): void {
    this.#routed.machine.observer.stanza('to-gatekeeper', 'nonza');
    if (stanza.is(0, ns.streams, 'error'))
      throw new StreamError('undefined-condition', { code: 'ERR_CLIENT_GAVE_UP' });
    const profile = profileOf(stanza);
    if (profile === undefined) throw new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' });
    const disposition = this.#exchange.take(stanza, profile);
    if (disposition.kind === 'close') throw disposition.error;
    if (disposition.kind === 'drop' && disposition.reply !== undefined) this.#send(disposition.reply);
  }

  #send(element: Uint8Array): void {
    const { client } = this.#routed;
    client.write(element);
    client.flush();
  }

  #proven(attempt: Attempt, { token, subject, authorization }: ProvenToken): void {
    const { facts, client, machine } = this.#routed;
    const { accountNumberOf } = this.#gatekeeper;
    const accountNumber = accountNumberOf?.(authorization);
    if (accountNumberOf !== undefined && accountNumber === undefined) {
      this.#send(this.#exchange.fail(attempt, 'invalid-authzid', 'other-subject').reply);
      return;
    }
    facts.identify(accountOf(subject.reveal(), facts.domain));
    client.hold();
    const { evidence, signal } = machine;
    const bytesRead = (count: number): void => machine.events.bytesRead('to-client', count);
    const { listener, domain } = facts;
    const own = { listener, domain, claims: attempt.claims };
    void this.#dial(attempt, { token, subject, accountNumber, client: own, evidence, signal, bytesRead });
  }

  async #dial(attempt: Attempt, request: ChannelRequest): Promise<void> {
    const { machine } = this.#routed;
    const answer = await reportedDial(this.#routed, () => this.#gatekeeper.connect(request));
    if (answer === undefined) return;
    if (answer.kind === 'refused') machine.perform(() => this.#refused(attempt, answer.reason));
    else if (machine.ended) answer.channel.socket.destroy();
    else machine.perform(() => this.#accepted(attempt.claims, answer.channel));
  }

  #refused(attempt: Attempt, reason: number | undefined): void {
    const { condition, code } = loginRefusal(reason);
    const { reply } = this.#exchange.fail(attempt, condition, 'gatekeeper', code);
    this.#await();
    this.#send(reply);
    this.#routed.client.release();
  }

  /** Reports success, and waits for the client's new stream header (RFC 6120 §6.4.6).
   *  @throws StreamError ERR_RESTART_PIPELINED when the client has sent something before the success */
  #accepted(claims: OwnershipClaims, channel: OpenChannel): void {
    const { machine, facts, client, limits } = this.#routed;
    const { codec, output } = this.#gatekeeper;
    const gatekeeper = new ChatLeg(
      channel,
      {
        codec,
        output,
        writeStalls: machine.options.writeStalls,
        reads: machine.options.reads,
        dismissed: (error) => machine.end({ kind: 'refused', error: endingOf(error), side: 'client' }),
      },
      machine.events,
    );
    const connected = new Connected(this.#routed, gatekeeper);
    connected.enter('restarting');
    gatekeeper.start();
    if (!client.atBoundary) throw new StreamError('policy-violation', { code: 'ERR_RESTART_PIPELINED' });
    facts.claims = claims;
    this.#exchange.conclude('ok');
    client.limits = limits.stream;
    machine.authenticated();
    this.#send(success);
    client.restart();
    this.#awaitHeader(connected, gatekeeper);
    client.release();
  }

  /** Waits for the new header, and begins to relay. The gatekeeper is held until then. */
  #awaitHeader(connected: Connected, gatekeeper: ChatLeg): void {
    const { machine, client, facts, protocol } = this.#routed;
    client.receive({
      header: ({ scope, attributes }) => {
        refuseOtherNamespace(scope.contentNamespace, protocol);
        refuseOtherDomain(facts, attributes.get('to'));
        client.open(ownHeader(this.#routed.header, machine.options));
        client.write(noFeatures);
        establish(connected);
        client.afterChunk(() => gatekeeper.release());
      },
      stanza: () => {},
      whitespace: () => {},
      end: () => connected.closedBy('client'),
    });
  }
}
