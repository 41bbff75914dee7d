/** Negotiates a stream as its server: features, STARTTLS, SASL, resource binding (RFC 6120 §5 to §7). */
import { randomBytes } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Verification } from '../../signals/verify.ts';
import { ns } from '../../stanza/namespaces.ts';
import { prepareResource } from '../jid.ts';
import { failure, type SaslExchange, type SaslStep } from '../sasl/mechanism.ts';
import { bearerExchange } from '../sasl/oauthbearer.ts';
import { plainExchange } from '../sasl/plain.ts';
import { scramExchange } from '../sasl/scram-server.ts';
import { channelBindingType, decodeBase64 } from '../sasl/scram.ts';
import { errorReply, type StanzaCondition } from '../stanza-error.ts';
import { attribute, child, element, is, text, type Element } from '../xml/element.ts';
import type { Account, Accounts } from './accounts.ts';
import type { Connection } from './connection.ts';
import type { Settings } from './options.ts';
import { createSession, type Session, type Sessions } from './session.ts';
import type { SignalsReceiver } from './signals.ts';

export interface NegotiationContext {
  readonly settings: Settings;
  readonly secureContext: SecureContext;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly signals: SignalsReceiver | undefined;
}

/** The negotiation from an open connection to a bound resource: STARTTLS, then SASL, then resource binding. An
 *  element out of turn ends the stream. */
export class Negotiation {
  readonly #connection: Connection;
  readonly #context: NegotiationContext;
  readonly #onBound: (session: Session) => void;
  #exchange: SaslExchange | undefined;
  /** Whether the last message is being verified; until then the client must be silent. */
  #isJudging = false;
  #failures = 0;
  /** Set from SASL success on. */
  #account: Account | undefined;
  #attested = false;
  /** Elements that arrived while an attestation is verified; undefined while none is. */
  #waiting: Element[] | undefined;

  constructor(connection: Connection, context: NegotiationContext, onBound: (session: Session) => void) {
    this.#connection = connection;
    this.#context = context;
    this.#onBound = onBound;
  }

  onStream(): void {
    const verification =
      this.#connection.isSecured && this.#account === undefined
        ? this.#context.signals?.receiveHeader(this.#connection)
        : undefined;
    if (verification === undefined) this.#advertise();
    else void this.#settle(verification, () => this.#advertise());
  }

  onElement(source: Element): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(source);
      return;
    }
    const { signals } = this.#context;
    if (
      signals !== undefined &&
      this.#account === undefined &&
      is(source, ns.signals, 'connection-signals')
    ) {
      if (!this.#connection.isSecured) this.#connection.fail('not-authorized');
      else void this.#settle(signals.receive(this.#connection, source), () => {});
    } else if (!this.#connection.isSecured && is(source, ns.tls, 'starttls')) this.#startTls();
    else if (this.#account === undefined && source.namespace === ns.sasl) this.#authenticate(source);
    else if (this.#account !== undefined && isBindRequest(source)) this.#bind(source, this.#account);
    else this.#connection.fail('not-authorized');
  }

  #advertise(): void {
    this.#connection.send(element(ns.streams, 'features', {}, ...this.#features()));
  }

  /** Waits for a verification; elements that arrive meanwhile wait too. */
  async #settle(verification: Promise<Verification>, accepted: () => void): Promise<void> {
    this.#waiting = [];
    const { kind } = await verification;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (kind === 'refused') {
      this.#connection.fail('not-authorized');
      return;
    }
    this.#attested = true;
    accepted();
    for (const source of waiting) if (this.#connection.isOpen) this.onElement(source);
  }

  #features(): Element[] {
    if (!this.#connection.isSecured) return [element(ns.tls, 'starttls', {}, element(ns.tls, 'required'))];
    if (this.#account !== undefined)
      return [element(ns.bind, 'bind'), element(ns.session, 'session', {}, element(ns.session, 'optional'))];
    const names = this.#mechanisms().map((name) => element(ns.sasl, 'mechanism', {}, name));
    const binding = element(ns.saslChannelBinding, 'channel-binding', { type: channelBindingType });
    return [
      element(ns.sasl, 'mechanisms', {}, ...names),
      ...(this.#context.signals === undefined ? [] : [element(ns.signals, 'connection-signals')]),
      ...(this.#bindsChannel() ? [element(ns.saslChannelBinding, 'sasl-channel-binding', {}, binding)] : []),
    ];
  }

  #mechanisms(): string[] {
    const { mechanisms, bearer } = this.#context.settings;
    const offered = bearer === undefined ? mechanisms : ['OAUTHBEARER', ...mechanisms];
    return this.#bindsChannel() ? ['SCRAM-SHA-256-PLUS', ...offered] : [...offered];
  }

  #bindsChannel(): boolean {
    return this.#context.settings.channelBinding;
  }

  #startTls(): void {
    // Clear text after it could be injected, to be read later as the client's (RFC 6120 §5.4.3.3).
    if (this.#connection.hasUnreadText) return this.#connection.fail('policy-violation');
    const { settings, secureContext } = this.#context;
    const connectionId = this.#connection.id;
    return this.#connection.startTls(secureContext, () =>
      settings.onConnection({ connectionId, event: 'secured', jid: undefined }),
    );
  }

  #authenticate(source: Element): void {
    if (!this.#connection.isSecured) return this.#answer(failure('encryption-required'));
    const { signals } = this.#context;
    if (signals?.required === true && !this.#attested) {
      signals.miss(this.#connection);
      return this.#connection.fail('not-authorized');
    }
    if (this.#isJudging) return this.#connection.fail('not-authorized');
    if (is(source, ns.sasl, 'abort')) return this.#answer(failure('aborted'));
    if (is(source, ns.sasl, 'auth')) {
      this.#exchange = this.#createExchange(attribute(source, 'mechanism') ?? '');
      if (this.#exchange === undefined) return this.#answer(failure('invalid-mechanism'));
      // Without an initial response the mechanism starts with an empty challenge (RFC 6120 §6.4.2).
      if (text(source) === '') return this.#answer({ kind: 'challenge', data: Buffer.alloc(0) });
    } else if (!is(source, ns.sasl, 'response') || this.#exchange === undefined) {
      return this.#connection.fail('not-authorized');
    }
    const written = text(source);
    const data = written === '=' ? Buffer.alloc(0) : decodeBase64(written);
    if (data === undefined) return this.#answer(failure('incorrect-encoding'));
    const step = this.#exchange.step(data);
    if (!(step instanceof Promise)) return this.#answer(step);
    return void this.#awaitJudgement(step);
  }

  async #awaitJudgement(step: Promise<SaslStep>): Promise<void> {
    this.#isJudging = true;
    const judged = await step;
    this.#isJudging = false;
    this.#answer(judged);
  }

  #createExchange(mechanism: string): SaslExchange | undefined {
    if (!this.#mechanisms().includes(mechanism)) return undefined;
    const { accounts, settings } = this.#context;
    if (mechanism === 'OAUTHBEARER') return bearerExchange(accounts, settings.bearer!);
    if (mechanism === 'PLAIN') return plainExchange(accounts);
    const required = mechanism.endsWith('-PLUS');
    const advertised = this.#bindsChannel();
    const data = required ? this.#connection.exportChannelBinding() : undefined;
    const hash = mechanism.startsWith('SCRAM-SHA-256') ? 'sha256' : 'sha1';
    return scramExchange(hash, accounts, { required, advertised, data });
  }

  #answer(step: SaslStep): void {
    if (step.kind === 'challenge')
      return this.#connection.send(element(ns.sasl, 'challenge', {}, step.data.toString('base64')));
    this.#exchange = undefined;
    if (step.kind === 'failure') return this.#refuse(step);
    this.#account = step.account;
    this.#connection.send(element(ns.sasl, 'success', {}, step.data?.toString('base64') ?? ''));
    this.#connection.restart();
    this.#context.settings.onConnection({
      connectionId: this.#connection.id,
      event: 'authenticated',
      jid: step.account.jid,
    });
    return undefined;
  }

  #refuse({ condition, text: reason }: Extract<SaslStep, { kind: 'failure' }>): void {
    const explanation = reason === undefined ? [] : [element(ns.sasl, 'text', { 'xml:lang': 'en' }, reason)];
    this.#connection.send(element(ns.sasl, 'failure', {}, element(ns.sasl, condition), ...explanation));
    this.#failures += 1;
    if (this.#failures >= this.#context.settings.limits.authenticationAttemptsMax)
      this.#connection.fail('policy-violation');
  }

  #bind(request: Element, account: Account): void {
    const wanted = child(child(request, ns.bind, 'bind')!, ns.bind, 'resource');
    const choice = this.#chooseResource(account, wanted === undefined ? '' : text(wanted));
    if (choice.kind === 'refused') {
      this.#connection.send(errorReply(request, choice.condition, { from: undefined, to: undefined }));
      return;
    }
    const session = createSession(this.#connection, account, choice.resource);
    this.#connection.jid = session.jid;
    this.#context.sessions.add(session);
    const bound = element(ns.bind, 'bind', {}, element(ns.bind, 'jid', {}, session.jid));
    this.#connection.send(element(ns.client, 'iq', { type: 'result', id: attribute(request, 'id') }, bound));
    this.#onBound(session);
  }

  #chooseResource(account: Account, wanted: string): ResourceChoice {
    const { sessions, settings } = this.#context;
    const taken = wanted === '' ? undefined : sessions.find(account, prepareResource(wanted) ?? '');
    if (taken !== undefined && settings.resourceConflict === 'refuse')
      return { kind: 'refused', condition: 'conflict' };
    if (taken !== undefined && settings.resourceConflict === 'replace') taken.connection.fail('conflict');
    if (sessions.of(account).length >= settings.limits.resourcesMax)
      return { kind: 'refused', condition: 'resource-constraint' };
    if (wanted === '' || (taken !== undefined && settings.resourceConflict === 'rename'))
      return { kind: 'chosen', resource: randomBytes(8).toString('hex') };
    const resource = prepareResource(wanted);
    return resource === undefined
      ? { kind: 'refused', condition: 'bad-request' }
      : { kind: 'chosen', resource };
  }
}

type ResourceChoice =
  | { readonly kind: 'chosen'; readonly resource: string }
  | { readonly kind: 'refused'; readonly condition: StanzaCondition };

function isBindRequest(source: Element): boolean {
  return (
    is(source, ns.client, 'iq') &&
    attribute(source, 'type') === 'set' &&
    child(source, ns.bind, 'bind') !== undefined
  );
}
