/** The client's half of an authentication by ownership token: reads its SASL messages, has the token verified, and
 *  compares the names. What follows a verified token is the caller's: it is presented to the gatekeeper in another
 *  authentication, or in the handshake of a connection. */
import type { AuthenticationErrorCode } from '../../errors/authentication.ts';
import type { TokenErrorCode } from '../../errors/token.ts';
import type { ReauthenticationOutcome } from '../../observability/reauthentication-outcomes.ts';
import { StreamError } from '../../stanza/error.ts';
import { noClaims, type OwnershipClaims } from '../../stanza/ownership-claims.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { Disposition } from '../../stanza/verdict.ts';
import type { SessionFacts } from '../facts.ts';
import { bearerMechanisms, invalidToken, readBearerResponse } from './bearer.ts';
import type { BearerMechanism, BearerResponse } from './bearer.ts';
import { isSubject, type OwnershipVerdict, type VerifyOwnership } from './ownership.ts';
import { messageIn, writeFailure, writeMessage } from './sasl-profile.ts';
import type { SaslCondition, SaslProfile } from './sasl-profile.ts';

export interface TokenAuthenticationOptions {
  readonly verify: VerifyOwnership;
  /** Attempts of one session, the successful one included. One more ends the stream (RFC 6120 §6.4.5). */
  readonly attemptsMax: number;
  /** Called after each attempt. `gatekeeper` is its name in the configuration. */
  readonly concluded: (
    gatekeeper: string,
    outcome: ReauthenticationOutcome,
    code: TokenErrorCode | AuthenticationErrorCode | undefined,
  ) => void;
  /** Records a refusal.
   *  @returns the support code for the client */
  readonly supportCode: (code: TokenErrorCode | AuthenticationErrorCode) => string;
}

/** One attempt of the client to authenticate. */
export interface Attempt {
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

/** A verified token. */
export interface ProvenToken {
  readonly token: Sensitive<string>;
  /** The user-visible identifier in the token. */
  readonly subject: Sensitive<string>;
  /** The account that the client asks to act as; '' for that of the token. */
  readonly authorization: Sensitive<string>;
}

export interface TokenExchangeLinks {
  readonly facts: Pick<SessionFacts, 'domain' | 'gatekeeper'>;
  /** Sends an element to the client. */
  readonly send: (element: Uint8Array) => void;
  /** Called when a token is verified. The attempt then awaits the gatekeeper. */
  readonly proven: (attempt: Attempt, proof: ProvenToken) => void;
  /** Returns whether the client may act as another account than that of its token. By default it may not. */
  readonly mayActAs?: (authorization: Sensitive<string>) => boolean;
}

type Drop = Extract<Disposition, { kind: 'drop' }>;

export class TokenExchange {
  readonly #links: TokenExchangeLinks;
  readonly #options: TokenAuthenticationOptions;
  #offered: readonly SaslProfile[];
  #attempt: Attempt | undefined;
  #attempts = 0;

  /** @param offered the profiles that the client was offered */
  constructor(
    links: TokenExchangeLinks,
    options: TokenAuthenticationOptions,
    offered: readonly SaslProfile[] = [],
  ) {
    this.#links = links;
    this.#options = options;
    this.#offered = offered;
  }

  set offered(offered: readonly SaslProfile[]) {
    this.#offered = offered;
  }

  /** The attempt in progress. */
  get attempt(): Attempt | undefined {
    return this.#attempt;
  }

  /** Abandons the attempt in progress silently. */
  end(): void {
    this.#attempt = undefined;
  }

  /** Takes a SASL element of the client.
   *  @returns `drop` with the answer, or `close` for an element out of turn */
  take(stanza: Stanza, profile: SaslProfile): Disposition {
    const attempt = this.#attempt;
    const local = stanza.localName(0);
    if (local === profile.request && attempt === undefined) return this.#begin(stanza, profile);
    if (attempt === undefined || attempt.profile !== profile) return close(outOfTurn());
    if (local === 'abort') return this.fail(attempt, 'aborted', 'aborted');
    if (local !== 'response') return close(outOfTurn());
    if (attempt.awaits === 'message') return this.#read(stanza, attempt);
    if (attempt.awaits !== 'acknowledgement') return close(outOfTurn());
    this.#attempt = undefined;
    return { kind: 'drop', reply: this.#failure(profile, 'not-authorized', attempt.refused) };
  }

  /** Ends the attempt: the gatekeeper has decided.
   *  @param code of a refusal that the proxy has a code for */
  conclude(outcome: 'ok' | 'gatekeeper', code?: AuthenticationErrorCode): void {
    this.#attempt = undefined;
    this.#report(outcome, code);
  }

  /** Ends an attempt with a failure, which is returned. */
  fail(
    { profile }: Attempt,
    condition: SaslCondition,
    outcome: ReauthenticationOutcome,
    code?: TokenErrorCode | AuthenticationErrorCode,
  ): Drop & { readonly reply: Uint8Array } {
    this.#attempt = undefined;
    this.#report(outcome, code);
    return { kind: 'drop', reply: this.#failure(profile, condition, code ?? outcomeCodes[outcome]) };
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
      this.#report('malformed');
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
    if (message === undefined) return this.fail(attempt, 'incorrect-encoding', 'malformed');
    if (message === 'absent') {
      // An empty challenge is sent once: a response without a message ends the attempt.
      if (stanza.localName(0) === 'response') return this.fail(attempt, 'malformed-request', 'malformed');
      return { kind: 'drop', reply: writeMessage(profile, 'challenge', nothing) };
    }
    const response = readBearerResponse(mechanism, message);
    if (response === undefined) return this.fail(attempt, 'malformed-request', 'malformed');
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
      this.#send(this.fail(attempt, 'temporary-auth-failure', 'unavailable'));
    else this.#refuseToken(attempt, verdict.code);
  }

  /** Fails an attempt whose names differ from the subject of the token. */
  #judgeNames(
    attempt: Attempt,
    { token, authorization, authentication }: BearerResponse,
    subject: Sensitive<string>,
  ): void {
    const { facts, proven, mayActAs } = this.#links;
    const isOwn = (name: Sensitive<string>): boolean =>
      name.reveal() === '' || isSubject(name.reveal(), subject, facts.domain);
    if (!isOwn(authentication)) this.#send(this.fail(attempt, 'not-authorized', 'other-subject'));
    else if (!isOwn(authorization) && mayActAs?.(authorization) !== true)
      this.#send(this.fail(attempt, 'invalid-authzid', 'other-subject'));
    else {
      attempt.awaits = 'gatekeeper';
      proven(attempt, { token, subject, authorization });
    }
  }

  /** Fails an attempt whose token is refused. OAUTHBEARER sends an error challenge first; PLAIN has none. */
  #refuseToken(attempt: Attempt, code: TokenErrorCode): void {
    if (attempt.mechanism === 'PLAIN') {
      this.#send(this.fail(attempt, 'not-authorized', 'token', code));
      return;
    }
    this.#report('token', code);
    attempt.awaits = 'acknowledgement';
    attempt.refused = code;
    this.#links.send(writeMessage(attempt.profile, 'challenge', invalidToken));
  }

  #send({ reply }: { readonly reply: Uint8Array }): void {
    this.#links.send(reply);
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

  #report(outcome: ReauthenticationOutcome, code?: TokenErrorCode | AuthenticationErrorCode): void {
    this.#options.concluded(this.#links.facts.gatekeeper, outcome, code);
  }
}

const nothing = new Uint8Array(0);

/** Codes of the outcomes that are refusals and have no code of a token. */
const outcomeCodes: Readonly<Partial<Record<ReauthenticationOutcome, AuthenticationErrorCode>>> = {
  malformed: 'ERR_AUTHENTICATION_MALFORMED',
  'other-subject': 'ERR_AUTHENTICATION_SUBJECT',
  unavailable: 'ERR_AUTHENTICATION_UNAVAILABLE',
};

function close(error: StreamError): Disposition {
  return { kind: 'close', error };
}

function outOfTurn(): StreamError {
  return new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' });
}
