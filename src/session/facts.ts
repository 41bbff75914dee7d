/** The record of a session. Its phases write it; stages, policy and stream management read it. */
import type { KnownRegion } from '../policy/condition.ts';
import type { Direction } from '../stanza/direction.ts';
import { noClaims, type OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Sensitive } from '../stanza/sensitive.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { accountAfter, boundAddress } from './authentication/account.ts';
import type { Phase } from './phase.ts';

/** How channel binding is handled, which cannot pass an intermediary by itself (RFC 5802 §6, XEP-0440). */
export type ChannelBinding = 'same-certificate' | 'gatekeeper-without-plus' | 'reauthenticate';

/** The resource that the client was shown. It is kept with a resumable stream, because the rules may have changed by
 *  the time it is resumed. */
export interface ResourceAlias {
  /** Undefined before the first stanza that holds the bound resource. */
  shownResource: string | undefined;
}

export interface SessionFacts {
  readonly phase: Phase;

  // From `securing` on.
  /** Identifies the session; never sent. A resumed stream keeps that of its first session (XEP-0198 §5). */
  readonly session: string;
  /** Start in milliseconds since 1970; of the first session, where one was resumed. */
  readonly startedAt: number;
  /** Name of the listener in the configuration. */
  readonly listener: string;

  // From `dialling` on.
  /** The XMPP domain of the stream, lower case. */
  readonly domain: string;
  /** Name of the gatekeeper in the configuration. */
  readonly gatekeeper: string;
  readonly channelBinding: ChannelBinding;
  /** Where the client's address is, by the operator's table; undefined when that does not say. Never recorded. */
  readonly region: Sensitive<KnownRegion> | undefined;

  // From `authenticating` on.
  /** Bare JID: the one that the client claims, from `established` on the one that the gatekeeper has bound. '' until
   *  known. */
  readonly account: string;
  /** Claims of the ownership token, once the gatekeeper has accepted it. Empty where the proxy verifies no token. */
  readonly claims: OwnershipClaims;

  // From `established` on.
  /** `claims`, undefined before. */
  readonly knownClaims: OwnershipClaims | undefined;
  /** The resource that the gatekeeper has bound; '' before. */
  readonly resource: string;
  readonly alias: ResourceAlias;
  /** Shorthand for `alias.shownResource`. */
  shownResource: string | undefined;
}

/** The facts of the session that a resumed stream began in. */
export interface ResumedFacts {
  /** `session` of the session that the stream began in. */
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  readonly alias: ResourceAlias;
}

/** The mutable record, made when the domain is known. */
export class SessionRecord implements SessionFacts {
  phase: Phase = 'dialling';
  session: string;
  startedAt: number;
  readonly listener: string;
  readonly domain: string;
  readonly gatekeeper: string;
  readonly channelBinding: ChannelBinding;
  readonly region: Sensitive<KnownRegion> | undefined;
  account = '';
  claims = noClaims;
  resource = '';
  alias: ResourceAlias = { shownResource: undefined };
  /** The account can no longer change. */
  #settled = false;

  constructor(
    facts: Pick<
      SessionFacts,
      'session' | 'startedAt' | 'listener' | 'domain' | 'gatekeeper' | 'channelBinding'
    > &
      Partial<Pick<SessionFacts, 'region'>>,
  ) {
    this.session = facts.session;
    this.startedAt = facts.startedAt;
    this.listener = facts.listener;
    this.domain = facts.domain;
    this.gatekeeper = facts.gatekeeper;
    this.channelBinding = facts.channelBinding;
    this.region = facts.region;
  }

  get knownClaims(): OwnershipClaims | undefined {
    return this.phase === 'established' ? this.claims : undefined;
  }

  get shownResource(): string | undefined {
    return this.alias.shownResource;
  }

  set shownResource(resource: string | undefined) {
    this.alias.shownResource = resource;
  }

  /** Reads the account from the client's authentication, account and resource from the gatekeeper's binding. */
  learn(stanza: Stanza, direction: Direction): void {
    if (this.#settled) return;
    if (direction === 'to-gatekeeper') {
      if (this.phase === 'authenticating') this.account = accountAfter(this.account, stanza, this.domain);
      return;
    }
    const bound = boundAddress(stanza);
    if (bound === undefined) return;
    this.account = bound.account;
    this.resource = bound.resource;
    // SASL 2 may name the account before it has a resource.
    this.#settled = bound.resource !== '';
  }

  /** Sets the account, a bare JID that the client has proved to own. The gatekeeper may bind another one. */
  identify(account: string): void {
    if (!this.#settled) this.account = account;
  }

  /** Takes over the facts of the session that a resumed stream began in (XEP-0198 §5). */
  resumed({ id, startedAt, account, resource, alias }: ResumedFacts): void {
    this.session = id;
    this.startedAt = startedAt;
    this.account = account;
    this.resource = resource;
    this.alias = alias;
    this.#settled = true;
  }
}
