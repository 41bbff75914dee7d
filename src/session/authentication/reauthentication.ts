/** Reauthentication, one of the channel-binding modes. The proxy authenticates the client by the ownership token, and
 *  presents the token to the gatekeeper in an authentication of its own. Neither side is offered channel binding, so
 *  neither takes its absence for a downgrade.
 *
 *    client ── OAUTHBEARER, or PLAIN with the token ──▶ proxy ── OAUTHBEARER, `n,,` ──▶ gatekeeper
 *
 *  SASL 1 and SASL 2 are offered as the gatekeeper offers them. The token is verified before it is presented, so
 *  that only owners of an identifier reach the gatekeeper, which decides again. */
import type { ReauthenticationOutcome } from '../../observability/reauthentication-outcomes.ts';
import type { AuthenticationErrorCode } from '../../errors/authentication.ts';
import type { TokenErrorCode } from '../../errors/token.ts';
import type { Direction } from '../../stanza/direction.ts';
import { removeElement, replaceElement } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import { noClaims, type OwnershipClaims } from '../../stanza/ownership-claims.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type Disposition } from '../../stanza/verdict.ts';
import { accountOf } from './account.ts';
import {
  bearerMechanisms,
  errorAcknowledgement,
  invalidToken,
  readBearerResponse,
  writeOauthBearer,
  type BearerMechanism,
  type BearerResponse,
} from './bearer.ts';
import { isSubject, type OwnershipVerdict, type VerifyOwnership } from './ownership.ts';
import {
  messageIn,
  profileOf,
  rewriteAuthenticate,
  saslProfiles,
  writeAuth,
  writeFailure,
  writeMessage,
  type SaslCondition,
  type SaslProfile,
} from './sasl-profile.ts';
import type { Stage, StageFactory, StagePort } from '../stage.ts';

export interface ReauthenticationOptions {
  readonly verify: VerifyOwnership;
  /** Attempts of one session, the successful one included. One more ends the stream (RFC 6120 §6.4.5). */
  readonly attemptsMax: number;
  /** Called after each attempt. `gatekeeper` is its name in the configuration. */
  readonly concluded: (
    gatekeeper: string,
    outcome: ReauthenticationOutcome,
    code: TokenErrorCode | undefined,
  ) => void;
  /** Records a refusal.
   *  @returns the support code for the client */
  readonly supportCode: (code: TokenErrorCode | AuthenticationErrorCode) => string;
}

export function reauthentication(options: ReauthenticationOptions): StageFactory {
  return { name: 'reauthentication', begin: (port) => new Reauthentication(port, options) };
}

/** One attempt of the client to authenticate. */
interface Attempt {
  readonly profile: SaslProfile;
  readonly mechanism: BearerMechanism;
  /** `<authenticate/>` with its inline requests; undefined for SASL 1. */
  readonly request: Stanza | undefined;
  /** Claims of the token other than its subject; empty until it is verified. */
  claims: OwnershipClaims;
  /** Why the token was refused; set from the error challenge to the client's acknowledgement. */
  refused?: TokenErrorCode;
  /** The event that comes next.
   *  - `message`: the client's only message, when the request came without it.
   *  - `verdict`: the result of the verification.
   *  - `acknowledgement`: the client's answer to the error challenge; the failure follows (RFC 7628 §3.2.3).
   *  - `gatekeeper`: the gatekeeper's answer.
   *  - `tasks`: the end of further tasks between the gatekeeper and the client (XEP-0388 §2.6.3). */
  awaits: 'message' | 'verdict' | 'acknowledgement' | 'gatekeeper' | 'tasks';
}

class Reauthentication implements Stage {
  readonly #port: StagePort;
  readonly #options: ReauthenticationOptions;
  #offered: readonly SaslProfile[] = [];
  #attempt: Attempt | undefined;
  #attempts = 0;

  constructor(port: StagePort, options: ReauthenticationOptions) {
    this.#port = port;
    this.#options = options;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    const { channelBinding, phase } = this.#port.context;
    if (phase !== 'authenticating' || channelBinding !== 'reauthenticate') return forward;
    if (direction === 'to-client') return this.#fromGatekeeper(stanza);
    const profile = profileOf(stanza);
    return profile === undefined ? forward : this.#fromClient(stanza, profile);
  }

  end(): void {
    this.#attempt = undefined;
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
      } else if (profile !== undefined || stanza.is(at, ns.saslChannelBinding, 'sasl-channel-binding'))
        edits.push(removeElement(stanza, at));
    }
    if (offered.length === 0)
      return close(new StreamError('policy-violation', { code: 'ERR_REAUTHENTICATION_OFFER' }));
    this.#offered = offered;
    return { kind: 'forward', edits };
  }

  // ---- the client's side ------------------------------------------------------------------------------------------

  #fromClient(stanza: Stanza, profile: SaslProfile): Disposition {
    const attempt = this.#attempt;
    const local = stanza.localName(0);
    if (local === profile.request && attempt === undefined) return this.#begin(stanza, profile);
    if (attempt === undefined || attempt.profile !== profile) return close(outOfTurn());
    if (attempt.awaits === 'tasks' && taskSteps.includes(local)) return forward;
    // The gatekeeper has the token already, and answers the abort.
    if (local === 'abort')
      return attempt.awaits === 'gatekeeper' ? forward : this.#fail(attempt, 'aborted', 'aborted');
    if (local !== 'response') return close(outOfTurn());
    if (attempt.awaits === 'message') return this.#read(stanza, attempt);
    if (attempt.awaits !== 'acknowledgement') return close(outOfTurn());
    this.#attempt = undefined;
    return { kind: 'drop', reply: this.#failure(profile, 'not-authorized', attempt.refused) };
  }

  #begin(stanza: Stanza, profile: SaslProfile): Disposition {
    // No mechanism was offered yet.
    if (this.#offered.length === 0) return close(outOfTurn());
    this.#attempts += 1;
    const { attemptsMax } = this.#options;
    if (this.#attempts > attemptsMax)
      return close(new StreamError('policy-violation', { code: 'ERR_AUTHENTICATION_ATTEMPTS', attemptsMax }));
    const named = stanza.attributeValue(0, 'mechanism');
    const mechanism = bearerMechanisms.find((each) => each === named);
    if (mechanism === undefined || !this.#offered.includes(profile)) {
      this.#conclude('malformed');
      const reply = this.#failure(profile, 'invalid-mechanism', outcomeCodes.malformed);
      return { kind: 'drop', reply };
    }
    const request = profile.request === 'authenticate' ? stanza.retain() : undefined;
    const attempt: Attempt = { profile, mechanism, request, claims: noClaims, awaits: 'message' };
    this.#attempt = attempt;
    return this.#read(stanza, attempt);
  }

  #read(stanza: Stanza, attempt: Attempt): Disposition {
    const { profile, mechanism } = attempt;
    const message = messageIn(stanza, profile);
    if (message === undefined) return this.#fail(attempt, 'incorrect-encoding', 'malformed');
    if (message === 'absent') {
      // An empty challenge is sent once: a response without a message ends the attempt.
      if (stanza.localName(0) === 'response') return this.#fail(attempt, 'malformed-request', 'malformed');
      return { kind: 'drop', reply: writeMessage(profile, 'challenge', nothing) };
    }
    const response = readBearerResponse(mechanism, message);
    if (response === undefined) return this.#fail(attempt, 'malformed-request', 'malformed');
    attempt.awaits = 'verdict';
    void this.#verify(attempt, response);
    return { kind: 'drop' };
  }

  async #verify(attempt: Attempt, response: BearerResponse): Promise<void> {
    // A verifier that rejects has not verified anything.
    const verdict = await this.#options
      .verify(response.token)
      .catch((): OwnershipVerdict => ({ kind: 'unavailable' }));
    // Meanwhile the client may have aborted, or the session may have ended.
    if (this.#attempt !== attempt) return;
    if (verdict.kind === 'owned') {
      attempt.claims = verdict.claims;
      this.#judgeNames(attempt, response, verdict.subject);
    } else if (verdict.kind === 'unavailable')
      this.#send(this.#fail(attempt, 'temporary-auth-failure', 'unavailable'));
    else this.#refuseToken(attempt, verdict.code);
  }

  /** Fails an attempt whose names differ from the subject of the token; presents the token otherwise. */
  #judgeNames(
    attempt: Attempt,
    { token, authorization, authentication }: BearerResponse,
    subject: Sensitive<string>,
  ): void {
    const isOwn = (name: Sensitive<string>): boolean =>
      name.reveal() === '' || isSubject(name.reveal(), subject, this.#port.context.domain);
    if (!isOwn(authentication)) this.#send(this.#fail(attempt, 'not-authorized', 'other-subject'));
    else if (!isOwn(authorization)) this.#send(this.#fail(attempt, 'invalid-authzid', 'other-subject'));
    else {
      const { domain } = this.#port.context;
      this.#port.identify(accountOf(subject.reveal(), domain));
      this.#present(attempt, token);
    }
  }

  /** Fails an attempt whose token is refused. OAUTHBEARER sends an error challenge first; PLAIN has none. */
  #refuseToken(attempt: Attempt, code: TokenErrorCode): void {
    if (attempt.mechanism === 'PLAIN') {
      this.#send(this.#fail(attempt, 'not-authorized', 'token', code));
      return;
    }
    this.#conclude('token', code);
    attempt.awaits = 'acknowledgement';
    attempt.refused = code;
    this.#port.inject('to-client', writeMessage(attempt.profile, 'challenge', invalidToken));
  }

  #send(verdict: { readonly reply: Uint8Array }): void {
    this.#port.inject('to-client', verdict.reply);
  }

  #fail(
    { profile }: Attempt,
    condition: SaslCondition,
    outcome: ReauthenticationOutcome,
    code?: TokenErrorCode,
  ): { readonly kind: 'drop'; readonly reply: Uint8Array } {
    this.#attempt = undefined;
    this.#conclude(outcome, code);
    return { kind: 'drop', reply: this.#failure(profile, condition, code ?? outcomeCodes[outcome]) };
  }

  /** Writes a failure.
   *  @param code of a refusal; undefined where the client aborted */
  #failure(
    profile: SaslProfile,
    condition: SaslCondition,
    code: TokenErrorCode | AuthenticationErrorCode | undefined,
  ): Uint8Array {
    const text = code && `Support code ${this.#options.supportCode(code)}.`;
    return writeFailure(profile, condition, text);
  }

  #conclude(outcome: ReauthenticationOutcome, code?: TokenErrorCode): void {
    this.#options.concluded(this.#port.context.gatekeeper, outcome, code);
  }

  // ---- the gatekeeper's side --------------------------------------------------------------------------------------

  #present(attempt: Attempt, token: Sensitive<string>): void {
    attempt.awaits = 'gatekeeper';
    const message = writeOauthBearer(token);
    const { request } = attempt;
    if (request === undefined) this.#port.inject('to-gatekeeper', writeAuth('OAUTHBEARER', message));
    else this.#port.repeat('to-gatekeeper', request, rewriteAuthenticate(request, 'OAUTHBEARER', message));
  }

  #fromGatekeeper(stanza: Stanza): Disposition {
    if (stanza.is(0, ns.streams, 'features')) return this.#offer(stanza);
    const profile = profileOf(stanza);
    if (profile === undefined) return forward;
    const attempt = this.#attempt;
    // An answer before the token was presented is out of turn.
    if (attempt?.profile !== profile || !['gatekeeper', 'tasks'].includes(attempt.awaits))
      return close(unasked());
    switch (stanza.localName(0)) {
      case 'challenge':
        return this.#challenged(attempt);
      case 'continue':
        attempt.awaits = 'tasks';
        return forward;
      case 'success':
        this.#attempt = undefined;
        this.#port.settleClaims(attempt.claims);
        this.#conclude('ok');
        return forward;
      case 'failure':
        this.#attempt = undefined;
        this.#conclude('gatekeeper');
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
}

const nothing = new Uint8Array(0);

/** Codes of the outcomes that are refusals and have no code of a token. */
const outcomeCodes: Readonly<Partial<Record<ReauthenticationOutcome, AuthenticationErrorCode>>> = {
  malformed: 'ERR_AUTHENTICATION_MALFORMED',
  'other-subject': 'ERR_AUTHENTICATION_SUBJECT',
  unavailable: 'ERR_AUTHENTICATION_UNAVAILABLE',
};

/** Elements that a client may send during tasks after the token (XEP-0388 §2.6.3). None of them authenticates anew. */
const taskSteps: readonly string[] = ['next', 'response', 'abort'];

function close(error: StreamError): Disposition {
  return { kind: 'close', error };
}

function outOfTurn(): StreamError {
  return new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' });
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
