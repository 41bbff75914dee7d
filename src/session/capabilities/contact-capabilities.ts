/** The capabilities of contacts and of the gatekeeper on their way to the client. Translates between stanzas and
 *  `ContactAdvertisements`. */
import { capsEdits } from '../../capabilities/caps-edits.ts';
import { readAnswer, readClaim } from '../../capabilities/claim.ts';
import type { CapabilityClaim } from '../../capabilities/capability-cache.ts';
import {
  ContactAdvertisements,
  defaultContactLimits,
  type ContactVerdict,
} from '../../capabilities/contact-advertisements.ts';
import { discoEdits } from '../../capabilities/disco-edits.ts';
import type { DiscoInfo } from '../../capabilities/disco-info.ts';
import { elementFromStanza } from '../../capabilities/element.ts';
import { isHashNode } from '../../capabilities/entity-capabilities.ts';
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { CapabilitySessions } from './capability-sessions.ts';
import { carriesCapabilities, discoGet, discoQuery, iqResult, unusableAnswer } from './disco-stanzas.ts';
import { withoutCapabilities } from './own-capabilities.ts';
import type { StagePort } from '../stage.ts';

/** A contact's presence, kept to be repeated with other capabilities. Undefined where it is not repeated: stream
 *  features, large presences. */
interface Shown {
  stanza: Stanza | undefined;
}

/** The client's own capabilities in the session. */
interface OwnAdvertisements {
  readonly profile: CapabilityProfile;
  find(claim: CapabilityClaim): DiscoInfo | undefined;
}

export class ContactCapabilities {
  readonly #port: StagePort;
  readonly #shared: CapabilitySessions;
  readonly #contacts: ContactAdvertisements<Shown>;
  readonly #profile: () => CapabilityProfile;
  readonly #deadline: DeadlineTimer;
  /** The server's claim in the stream features, until it can be verified. */
  #serverClaim: CapabilityClaim | undefined;

  constructor(port: StagePort, shared: CapabilitySessions, own: OwnAdvertisements) {
    this.#port = port;
    this.#shared = shared;
    this.#profile = () => own.profile;
    const { cache, newId } = shared.options;
    this.#contacts = new ContactAdvertisements({
      table: () => shared.policy.table,
      profile: this.#profile,
      own: (claim) => own.find(claim),
      cache,
      newId,
    });
    this.#deadline = new DeadlineTimer(port, (now) => {
      this.#contacts.tick(now);
      this.#deadline.set(this.#contacts.deadline);
    });
  }

  /** Replaces the capabilities in a contact's presence. */
  presence(stanza: Stanza): Disposition {
    const from = stanza.attributeValue(0, 'from') ?? '';
    const available = stanza.attributeValue(0, 'type') === undefined;
    const shown: Shown = { stanza: undefined };
    if (!available || carriesCapabilities(stanza)) this.#contacts.superseded(from);
    else if (this.#contacts.superseded(from, shown)) shown.stanza = kept(stanza);
    if (!carriesCapabilities(stanza)) return forward;
    if (!available) return withoutCapabilities(stanza);
    const verdict = this.#claimed(shown, from, readClaim(elementFromStanza(stanza)));
    if (verdict.kind === 'pass') return forward;
    // The presence is repeated once its capabilities are verified.
    if (verdict.elements === '') shown.stanza = kept(stanza);
    return { kind: 'forward', edits: capsEdits(stanza, verdict.elements) };
  }

  /** Replaces the server's capabilities in stream features (XEP-0115 §6.3). Unverified ones are removed: the server
   *  cannot be asked before the client has bound a resource. */
  features(stanza: Stanza): Disposition {
    if (!carriesCapabilities(stanza) || this.#profile().contacts === 'pass') return forward;
    const claim = readClaim(elementFromStanza(stanza));
    const elements = this.#contacts.known(this.#port.context.domain, claim);
    if (elements === undefined) this.#serverClaim = claim;
    return { kind: 'forward', edits: capsEdits(stanza, elements ?? '') };
  }

  /** Verifies the server's capabilities, for the features of later streams. */
  bound(): void {
    if (this.#serverClaim === undefined) return;
    this.#claimed({ stanza: undefined }, this.#port.context.domain, this.#serverClaim);
    this.#serverClaim = undefined;
  }

  /** Takes an answer to a question of the proxy, and filters one to a question of the client.
   *  @returns undefined for every other iq */
  iq(stanza: Stanza): Disposition | undefined {
    const type = stanza.attributeValue(0, 'type');
    if (type !== 'result' && type !== 'error') return undefined;
    const id = stanza.attributeValue(0, 'id') ?? '';
    const from = stanza.attributeValue(0, 'from') ?? '';
    const query = discoQuery(stanza);
    if (this.#contacts.owns(id, from)) {
      this.#answered(id, from, type === 'error' || query === -1 ? undefined : query, stanza);
      return { kind: 'drop' };
    }
    return query === -1 || type === 'error' ? undefined : this.#filter(stanza, query);
  }

  /** Answers the client's request for a node that the proxy has generated.
   *  @returns undefined for every other iq */
  queried(stanza: Stanza): Disposition | undefined {
    if (stanza.attributeValue(0, 'type') !== 'get') return undefined;
    const query = discoQuery(stanza);
    const node = query === -1 ? undefined : stanza.attributeValue(query, 'node');
    if (node === undefined) return undefined;
    const to = stanza.attributeValue(0, 'to') ?? this.#port.context.account;
    const answer = this.#contacts.query(to, node);
    return answer === undefined ? undefined : { kind: 'drop', reply: iqResult(stanza, answer) };
  }

  #claimed(presence: Shown, from: string, claim: CapabilityClaim): ContactVerdict {
    const verdict = this.#contacts.presence(this.#port.now(), { presence, from, claim });
    if (verdict.kind === 'replace' && verdict.ask !== undefined) {
      this.#shared.options.observer.asked('contact');
      this.#port.inject('to-gatekeeper', discoGet(verdict.ask));
      this.#deadline.set(this.#contacts.deadline);
    }
    return verdict;
  }

  #answered(id: string, from: string, query: number | undefined, stanza: Stanza): void {
    const answer = readAnswer(query === undefined ? undefined : elementFromStanza(stanza, query));
    for (const { presence, elements } of this.#contacts.answered(id, from, answer)) {
      if (presence.stanza === undefined) continue;
      this.#port.repeat('to-client', presence.stanza, capsEdits(presence.stanza, elements));
    }
    this.#deadline.set(this.#contacts.deadline);
  }

  /** Filters an answer to the client's question. Its node names the hash that was asked about (XEP-0030 §3.2). A
   *  contact that leaves the node out gains nothing, because the client checks the hash itself. */
  #filter(stanza: Stanza, query: number): Disposition | undefined {
    if (this.#profile().contacts === 'pass') return undefined;
    const byHash = isHashNode(stanza.attributeValue(query, 'node') ?? '');
    if (byHash && readAnswer(elementFromStanza(stanza, query)).kind === 'refused') {
      // An answer that cannot be verified is not passed on (XEP-0115 §5.4).
      this.#port.inject('to-client', unusableAnswer(stanza));
      return { kind: 'drop' };
    }
    const edits = discoEdits(stanza, query, this.#contacts.hidden);
    return edits.length === 0 ? undefined : { kind: 'forward', edits };
  }
}

/** Returns a copy of a presence, undefined above the limit: hundreds of contacts may each have one. */
function kept(stanza: Stanza): Stanza | undefined {
  return stanza.byteLength > defaultContactLimits.presenceBytesMax ? undefined : stanza.retain();
}
