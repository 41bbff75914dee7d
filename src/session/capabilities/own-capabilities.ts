/** The client's own capabilities on their way to the gatekeeper. Its presences are held and rewritten, requests for
 *  its capabilities are answered in its place, and it is asked for them. Translates between stanzas and
 *  `Advertisements`. */
import {
  Advertisements,
  type AdvertisementAction,
  type CapabilityPolicy,
} from '../../capabilities/advertisements.ts';
import type { CapabilityClaim } from '../../capabilities/capability-cache.ts';
import { capsEdits } from '../../capabilities/caps-edits.ts';
import { readAnswer, readClaim } from '../../capabilities/claim.ts';
import type { DiscoInfo } from '../../capabilities/disco-info.ts';
import { elementFromStanza } from '../../capabilities/element.ts';
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import { removeAttribute } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type HeldStanza, type Disposition } from '../../stanza/verdict.ts';
import type { CapabilitySessions } from './capability-sessions.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { carriesCapabilities, discoGet, discoQuery, iqError, iqResult } from './disco-stanzas.ts';
import type { StagePort } from '../stage.ts';

/** A stanza with the client's capabilities. */
interface Carrier {
  /** Valid during the call, except a broadcast, which is a copy. */
  readonly stanza: Stanza;
  held?: HeldStanza;
}

type Action = AdvertisementAction<Carrier>;

export class OwnCapabilities {
  readonly #port: StagePort;
  readonly #shared: CapabilitySessions;
  readonly #advertisements: Advertisements<Carrier>;
  readonly #deadline: DeadlineTimer;
  /** Full JID of the client; undefined on a resumed stream, whose binding was on another connection. */
  #jid: string | undefined;

  constructor(port: StagePort, shared: CapabilitySessions) {
    this.#port = port;
    this.#shared = shared;
    const { cache, limits, newId, random } = shared.options;
    const { listener, domain, claims } = port.context;
    this.#advertisements = new Advertisements({
      policy: shared.policy,
      cache,
      baselines: shared.baselines,
      facts: { listener, domain, claims },
      random,
      newId,
      limits,
    });
    this.#deadline = new DeadlineTimer(port, (now) => this.#act(this.#advertisements.tick(now)));
  }

  get profile(): CapabilityProfile {
    return this.#advertisements.profile;
  }

  /** Returns the disco#info that a claim stands for, when this session has advertised it. */
  find(claim: CapabilityClaim): DiscoInfo | undefined {
    return this.#advertisements.find(claim);
  }

  /** Asks the client for its capabilities, now that it has a resource.
   *  @param jid its full JID, undefined on a resumed stream */
  bound(jid: string | undefined): void {
    this.#jid = jid;
    this.#act(this.#advertisements.bound());
  }

  reload(policy: CapabilityPolicy): void {
    this.#act(this.#advertisements.reload(this.#port.now(), policy));
  }

  /** Holds or rewrites a presence of the client. */
  presence(stanza: Stanza): Disposition {
    const type = stanza.attributeValue(0, 'type');
    const directed = stanza.attributeValue(0, 'to') !== undefined;
    if (type === undefined)
      return this.#carry(
        { stanza: directed ? stanza : stanza.retain() },
        directed ? 'directed' : 'broadcast',
      );
    if (type === 'unavailable' && !directed) this.#advertisements.unavailable();
    return withoutCapabilities(stanza);
  }

  /** Handles an iq of the client: an answer to the proxy's question, an unasked answer, or capabilities outside of
   *  presence (XEP-0390 §6.6).
   *  @returns undefined for every other iq */
  iq(stanza: Stanza): Disposition | undefined {
    const type = stanza.attributeValue(0, 'type');
    if (type === 'result' || type === 'error') return this.#answer(stanza, type);
    if (type !== 'set' || !carriesCapabilities(stanza)) return undefined;
    return this.#carry({ stanza }, 'directed');
  }

  /** Answers a request for the client's disco#info in its place.
   *  @returns undefined for every other iq */
  asked(stanza: Stanza): Disposition | undefined {
    if (stanza.attributeValue(0, 'type') !== 'get') return undefined;
    const query = discoQuery(stanza);
    if (query === -1) return undefined;
    this.#shared.options.observer.answered();
    const answer = this.#advertisements.query(stanza.attributeValue(query, 'node'));
    const reply =
      answer.kind === 'result' ? iqResult(stanza, answer.query) : iqError(stanza, 'item-not-found');
    return { kind: 'drop', reply };
  }

  #answer(stanza: Stanza, type: 'result' | 'error'): Disposition | undefined {
    const query = discoQuery(stanza);
    const id = stanza.attributeValue(0, 'id') ?? '';
    if (this.#advertisements.owns(id)) {
      const payload = type === 'error' || query === -1 ? undefined : elementFromStanza(stanza, query);
      this.#act(this.#advertisements.answered(this.#port.now(), id, readAnswer(payload)));
      return { kind: 'drop' };
    }
    // The client was asked by the proxy only, so no peer waits for this answer.
    return query === -1 ? undefined : { kind: 'drop' };
  }

  #carry(carrier: Carrier, scope: 'broadcast' | 'directed'): Disposition {
    const { stanza } = carrier;
    const claim = readClaim(elementFromStanza(stanza));
    const actions = this.#advertisements.presence(this.#port.now(), { presence: carrier, claim, scope });
    let verdict: Disposition = { kind: 'drop' };
    this.#act(actions, (action) => {
      if (!('presence' in action) || action.presence !== carrier) return false;
      if (action.kind === 'hold') {
        this.#shared.options.observer.held();
        verdict = { kind: 'hold', keep: (held) => (carrier.held = held) };
      } else verdict = this.#released(stanza, action.elements);
      return true;
    });
    return verdict;
  }

  /** Carries out actions, and sets the timer to the next deadline.
   *  @param own returns true for an action that became the disposition of the current stanza */
  #act(actions: readonly Action[], own: (action: Action) => boolean = () => false): void {
    for (const action of actions) if (!own(action)) this.#carryOut(action);
    this.#deadline.set(this.#advertisements.deadline);
  }

  #carryOut(action: Action): void {
    switch (action.kind) {
      case 'ask':
        this.#shared.options.observer.asked('client');
        this.#port.inject('to-client', this.#question(action));
        break;
      case 'release':
        this.#release(action.presence.held, action.elements);
        break;
      case 'advertise': {
        const { stanza } = action.presence;
        this.#port.repeat('to-gatekeeper', stanza, capsEdits(stanza, action.elements));
        break;
      }
      case 'hold':
        break;
    }
  }

  /** Writes a request in the name of the client's server. Libraries choose their answer by the address that is
   *  asked. */
  #question({ id, node }: { readonly id: string; readonly node?: string }): Uint8Array {
    return discoGet({
      id,
      from: this.#port.context.domain,
      ...(this.#jid === undefined ? {} : { to: this.#jid }),
      ...(node === undefined ? {} : { node }),
    });
  }

  #release(held: HeldStanza | undefined, elements: string): void {
    if (held === undefined) return;
    const verdict = this.#released(held.stanza, elements);
    if (verdict.kind === 'drop') held.drop(verdict.reply);
    else if (verdict.kind === 'forward') held.release(verdict.edits);
  }

  /** Returns the disposition of a released stanza: with these capabilities, and in normal form for a profile with
   *  `cohort`. */
  #released(stanza: Stanza, elements: string): Disposition {
    const shown = stanza.kind === 'iq' ? hashSetOf(elements) : elements;
    if (stanza.kind === 'iq' && shown === '') return { kind: 'drop', reply: iqResult(stanza, '') };
    const edits = capsEdits(stanza, shown);
    if (!this.profile.cohort) return { kind: 'forward', edits };
    return { kind: 'forward', edits: [...edits, ...habits(stanza)], normalise: true };
  }
}

/** Removes capabilities from a stanza: they belong to available presence. */
export function withoutCapabilities(stanza: Stanza): Disposition {
  return carriesCapabilities(stanza) ? { kind: 'forward', edits: capsEdits(stanza, '') } : forward;
}

/** Returns edits that remove the attributes that some libraries write on every broadcast and others on none.
 *  Receivers do not need them, and they identify the library. */
function habits(stanza: Stanza): Edit[] {
  if (stanza.kind !== 'presence' || stanza.attributeValue(0, 'to') !== undefined) return [];
  return [...stanza.attributes()]
    .filter((at) => ['id', 'xml:lang'].includes(stanza.qualifiedName(at)))
    .map((at) => removeAttribute(stanza, at));
}

/** Returns the element of XEP-0390 among those for a presence, the only one allowed in an iq; '' for none. */
function hashSetOf(elements: string): string {
  const start = elements.indexOf(`<c xmlns='${ns.caps2}'`);
  return start === -1 ? '' : elements.slice(start);
}
