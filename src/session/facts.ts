/** What is known of a session: one record. Its phases write it; stages, policy and stream management read it. */
import type { Direction } from '../stanza/direction.ts';
import { noClaims, type OwnershipClaims } from '../stanza/ownership-claims.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { accountAfter, boundAddress } from './authentication/account.ts';
import type { Phase } from './phase.ts';

/** What becomes of channel binding, which cannot pass an intermediary by itself (RFC 5802 §6, XEP-0440). */
export type ChannelBinding = 'same-certificate' | 'gatekeeper-without-plus' | 'reauthenticate';

/** The resource under which the client knows itself. It goes with a stream that is resumed, because the rules that
 *  made it may have changed meanwhile. */
export interface ResourceAlias {
  /** Undefined before the first stanza that holds the bound resource. */
  shownResource: string | undefined;
}

export interface SessionFacts {
  readonly phase: Phase;

  // From `securing` on.
  /** Identifies the session; never sent. A resumed stream keeps the one it began with (XEP-0198 §5). */
  readonly session: string;
  /** Milliseconds since 1970; of the first session, where one was resumed. */
  readonly startedAt: number;
  /** The operator's name for the listener. */
  readonly listener: string;

  // From `dialling` on.
  /** The XMPP domain of the stream, lower case. */
  readonly domain: string;
  /** The operator's name for the gatekeeper. */
  readonly gatekeeper: string;
  readonly channelBinding: ChannelBinding;

  // From `authenticating` on.
  /** Bare JID as the client claims it, as the gatekeeper has bound it from `established` on; '' while unknown. */
  readonly account: string;
  /** Claims of the ownership token, once the gatekeeper has accepted it; none where the proxy verifies no token. */
  readonly claims: OwnershipClaims;

  // From `established` on.
  /** The resource that the gatekeeper has bound, '' before. */
  readonly resource: string;
  readonly alias: ResourceAlias;
  /** `alias.shownResource`. */
  shownResource: string | undefined;
}

/** What a resumed stream brings along. */
export interface ResumedFacts {
  /** `session` of the session that the stream began in. */
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  readonly alias: ResourceAlias;
}

/** The record itself, made when the domain is known. */
export class SessionRecord implements SessionFacts {
  phase: Phase = 'dialling';
  session: string;
  startedAt: number;
  readonly listener: string;
  readonly domain: string;
  readonly gatekeeper: string;
  readonly channelBinding: ChannelBinding;
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
    >,
  ) {
    this.session = facts.session;
    this.startedAt = facts.startedAt;
    this.listener = facts.listener;
    this.domain = facts.domain;
    this.gatekeeper = facts.gatekeeper;
    this.channelBinding = facts.channelBinding;
  }

  get shownResource(): string | undefined {
    return this.alias.shownResource;
  }

  set shownResource(resource: string | undefined) {
    this.alias.shownResource = resource;
  }

  /** Reads the account from an authentication of the client, account and resource from what the gatekeeper binds. */
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

  /** The client has proved that it owns this account, a bare JID. The gatekeeper may bind another one. */
  identify(account: string): void {
    if (!this.#settled) this.account = account;
  }

  /** Takes over the identity of the session that a resumed stream began in (XEP-0198 §5). */
  resumed({ id, startedAt, account, resource, alias }: ResumedFacts): void {
    this.session = id;
    this.startedAt = startedAt;
    this.account = account;
    this.resource = resource;
    this.alias = alias;
    this.#settled = true;
  }
}
