/** Reauthentication, one of the channel-binding modes. The proxy authenticates the client by the ownership token, and
 *  presents the token to the gatekeeper in an authentication of its own. Neither side is offered channel binding, so
 *  neither takes its absence for a downgrade.
 *
 *    client ── OAUTHBEARER, or PLAIN with the token ──▶ proxy ── OAUTHBEARER, `n,,` ──▶ gatekeeper
 *
 *  SASL 1 is offered where the gatekeeper offers it, SASL 2 always: before a gatekeeper of SASL 1 the requests inside an
 *  authentication are made one by one (phases/inline-login.ts). The token is verified before it is presented, so that
 *  only owners of an identifier reach the gatekeeper, which decides again. */
import type { Direction } from '../../stanza/direction.ts';
import { appendContent, removeElement, replaceElement } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type Disposition } from '../../stanza/verdict.ts';
import type { Stage, StageFactory, StagePort } from '../stage.ts';
import { accountOf } from './account.ts';
import { bearerMechanisms, errorAcknowledgement, writeOauthBearer } from './bearer.ts';
import {
  profileOf,
  rewriteAuthenticate,
  sasl2Profile,
  saslConditions,
  saslProfiles,
  writeAuth,
  writeFailure,
  writeMessage,
  type SaslCondition,
  type SaslProfile,
} from './sasl-profile.ts';
import { TokenExchange, type Attempt, type TokenAuthenticationOptions } from './token-exchange.ts';

export function reauthentication(options: TokenAuthenticationOptions): StageFactory {
  return { name: 'reauthentication', begin: (port) => new Reauthentication(port, options) };
}

class Reauthentication implements Stage {
  readonly #port: StagePort;
  readonly #exchange: TokenExchange;
  /** Whether clients authenticate by SASL 2 and the gatekeeper by SASL 1. */
  #translates = false;

  constructor(port: StagePort, options: TokenAuthenticationOptions) {
    this.#port = port;
    const { context: facts } = port;
    this.#exchange = new TokenExchange(
      {
        facts,
        send: (element) => port.inject('to-client', element),
        proven: (attempt, { token, subject }) => {
          port.identify(accountOf(subject.reveal(), facts.domain));
          this.#present(attempt, token);
        },
      },
      options,
    );
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    const { channelBinding, phase } = this.#port.context;
    if (phase !== 'authenticating' || channelBinding !== 'reauthenticate') return forward;
    if (direction === 'to-client') return this.#fromGatekeeper(stanza);
    const profile = profileOf(stanza);
    return profile === undefined ? forward : this.#fromClient(stanza, profile);
  }

  end(): void {
    this.#exchange.end();
  }

  // ---- the gatekeeper's offer -------------------------------------------------------------------------------------

  #offer(stanza: Stanza): Disposition {
    const edits: Edit[] = [];
    const offered: SaslProfile[] = [];
    for (let at = stanza.firstChild(0); at !== -1; at = stanza.nextSibling(at)) {
      const profile = saslProfiles.find(({ namespace, feature }) => stanza.is(at, namespace, feature));
      if (profile !== undefined && offersToken(stanza, at, profile)) {
        offered.push(profile);
        edits.push(...ownOffer(stanza, at, profile));
      } else if (profile !== undefined || foreignOffers.has(stanza.namespaceName(at)))
        edits.push(removeElement(stanza, at));
    }
    if (offered.length === 0)
      return close(new StreamError('policy-violation', { code: 'ERR_REAUTHENTICATION_OFFER' }));
    this.#translates = !offered.includes(sasl2Profile);
    if (this.#translates) edits.push(appendContent(stanza, 0, inlineOffer));
    this.#exchange.offered = this.#translates ? [...offered, sasl2Profile] : offered;
    return { kind: 'forward', edits };
  }

  // ---- the client's side ------------------------------------------------------------------------------------------

  #fromClient(stanza: Stanza, profile: SaslProfile): Disposition {
    const { attempt } = this.#exchange;
    const local = stanza.localName(0);
    if (attempt?.profile === profile) {
      if (attempt.awaits === 'tasks' && taskSteps.includes(local)) return forward;
      // The gatekeeper has the token already, and answers the abort.
      if (attempt.awaits === 'gatekeeper' && local === 'abort')
        return this.#isTranslated(attempt) ? this.#abort() : forward;
    }
    return this.#exchange.take(stanza, profile);
  }

  // ---- the gatekeeper's side --------------------------------------------------------------------------------------

  #present(attempt: Attempt, token: Sensitive<string>): void {
    const message = writeOauthBearer(token);
    const { request } = attempt;
    if (request === undefined || this.#translates)
      this.#port.inject('to-gatekeeper', writeAuth('OAUTHBEARER', message));
    else this.#port.repeat('to-gatekeeper', request, rewriteAuthenticate(request, 'OAUTHBEARER', message));
  }

  #fromGatekeeper(stanza: Stanza): Disposition {
    if (stanza.is(0, ns.streams, 'features')) return this.#offer(stanza);
    const profile = profileOf(stanza);
    if (profile === undefined) return forward;
    const { attempt } = this.#exchange;
    // An answer before the token was presented is out of turn.
    if (attempt === undefined || !['gatekeeper', 'tasks'].includes(attempt.awaits)) return close(unasked());
    if (this.#isTranslated(attempt)) return this.#translate(stanza, profile, attempt);
    if (attempt.profile !== profile) return close(unasked());
    switch (stanza.localName(0)) {
      case 'challenge':
        return this.#challenged(attempt);
      case 'continue':
        attempt.awaits = 'tasks';
        return forward;
      case 'task-data':
        return attempt.awaits === 'tasks' ? forward : close(unasked());
      case 'success':
        this.#port.settleClaims(attempt.claims);
        this.#exchange.conclude('ok');
        return forward;
      case 'failure':
        this.#exchange.conclude('gatekeeper');
        return forward;
      default:
        return close(unasked());
    }
  }

  /** Acknowledges the gatekeeper's error challenge in the client's place. The failure that follows is passed on (RFC
   *  7628 §3.2.3). */
  #challenged(attempt: Attempt): Disposition {
    if (attempt.awaits === 'tasks') return forward;
    return { kind: 'drop', reply: writeMessage(attempt.profile, 'response', errorAcknowledgement) };
  }

  // ---- a client of SASL 2 before a gatekeeper of SASL 1 -----------------------------------------------------------

  #isTranslated({ profile }: Attempt): boolean {
    return this.#translates && profile === sasl2Profile;
  }

  #abort(): Disposition {
    this.#port.inject('to-gatekeeper', abort);
    return { kind: 'drop' };
  }

  /** Takes an answer of SASL 1 for a client of SASL 2. */
  #translate(stanza: Stanza, profile: SaslProfile, attempt: Attempt): Disposition {
    if (profile === sasl2Profile) return close(unasked());
    switch (stanza.localName(0)) {
      case 'challenge':
        return { kind: 'drop', reply: writeMessage(profile, 'response', errorAcknowledgement) };
      case 'success':
        this.#port.settleClaims(attempt.claims);
        this.#exchange.conclude('ok');
        this.#port.logInInline(attempt.request!);
        return { kind: 'drop' };
      case 'failure':
        this.#exchange.conclude('gatekeeper');
        this.#port.inject('to-client', writeFailure(sasl2Profile, conditionIn(stanza)));
        return { kind: 'drop' };
      default:
        return close(unasked());
    }
  }
}

const abort = Buffer.from(`<abort xmlns='${ns.sasl}'/>`);

/** The offer of SASL 2 that the proxy serves by itself: of the requests inside, a resource with stream management, and
 *  resumption (XEP-0386 §3, XEP-0198 §8). */
const inlineOffer =
  `<authentication xmlns='${ns.sasl2}'>` +
  bearerMechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('') +
  `<inline><bind xmlns='${ns.bind2}'><inline><feature var='${ns.sm}'/></inline></bind><sm xmlns='${ns.sm}'/></inline>` +
  '</authentication>';

/** Returns the condition of a gatekeeper's failure; `not-authorized` where it has an unknown one. */
function conditionIn(failure: Stanza): SaslCondition {
  const named = [...failure.children()].map((child) => failure.localName(child));
  return saslConditions.find((condition) => named.includes(condition)) ?? 'not-authorized';
}

/** Elements that a client may send during tasks after the token (XEP-0388 §2.6.3). None of them authenticates anew. */
const taskSteps: readonly string[] = ['next', 'task-data', 'response', 'abort'];

/** Offers about the gatekeeper's mechanisms, which the client does not see. The version of the gatekeeper's features is not
 *  that of the client's (XEP-0509). */
const foreignOffers: ReadonlySet<string> = new Set([ns.saslChannelBinding, ns.pipelining]);

function close(error: StreamError): Disposition {
  return { kind: 'close', error };
}

function unasked(): StreamError {
  return new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
}

function offersToken(stanza: Stanza, feature: number, { namespace }: SaslProfile): boolean {
  for (let at = stanza.firstChild(feature); at !== -1; at = stanza.nextSibling(at))
    if (stanza.is(at, namespace, 'mechanism') && stanza.text(at).trim() === 'OAUTHBEARER') return true;
  return false;
}

/** Namespaces of inline requests that may be offered. Others would authenticate later streams without a token. */
const inlineOffers: readonly string[] = [ns.bind2, ns.sm];

/** Replaces the gatekeeper's mechanisms by those that carry a token, and removes every offer that the proxy cannot
 *  serve. */
function ownOffer(stanza: Stanza, feature: number, { namespace }: SaslProfile): Edit[] {
  const edits: Edit[] = [];
  let replacement = Buffer.from(
    bearerMechanisms.map((name) => `<mechanism xmlns='${namespace}'>${name}</mechanism>`).join(''),
  );
  for (let at = stanza.firstChild(feature); at !== -1; at = stanza.nextSibling(at)) {
    if (stanza.is(at, namespace, 'mechanism')) {
      edits.push(replaceElement(stanza, at, replacement));
      replacement = Buffer.alloc(0);
    } else if (stanza.is(at, namespace, 'inline')) edits.push(...ownInline(stanza, at));
    else edits.push(removeElement(stanza, at));
  }
  return edits;
}

function ownInline(stanza: Stanza, inline: number): Edit[] {
  const edits: Edit[] = [];
  for (let at = stanza.firstChild(inline); at !== -1; at = stanza.nextSibling(at))
    if (!inlineOffers.includes(stanza.namespaceName(at))) edits.push(removeElement(stanza, at));
  return edits;
}
