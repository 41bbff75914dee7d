/** The capability stage: rewrites the capabilities that a client advertises, and those advertised to it, by its
 *  profile (XEP-0030, XEP-0115, XEP-0390). Here stanzas are sorted by subject; own-capabilities.ts and
 *  contact-capabilities.ts do the rest. */
import type { Direction } from '../../stanza/direction.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import type { CapabilitySessions } from './capability-sessions.ts';
import { bindingOf, type Binding } from './bound-resource.ts';
import { ContactCapabilities } from './contact-capabilities.ts';
import { OwnCapabilities, withoutCapabilities } from './own-capabilities.ts';
import type { Stage, StageFactory, StagePort } from '../stage.ts';

/** Makes the capability stage of each session. */
export function capabilitiesStage(shared: CapabilitySessions): StageFactory {
  return { name: 'capabilities', begin: (port) => new CapabilitiesStage(port, shared) };
}

interface Sides {
  readonly own: OwnCapabilities;
  readonly contacts: ContactCapabilities;
}

class CapabilitiesStage implements Stage {
  readonly #port: StagePort;
  readonly #shared: CapabilitySessions;
  #sides: Sides | undefined;
  #isBound = false;

  constructor(port: StagePort, shared: CapabilitySessions) {
    this.#port = port;
    this.#shared = shared;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    return direction === 'to-gatekeeper' ? this.#fromClient(stanza) : this.#toClient(stanza);
  }

  end(): void {
    this.#shared.leave(this.#port.context);
  }

  #fromClient(stanza: Stanza): Disposition {
    switch (stanza.kind) {
      case 'message':
        return withoutCapabilities(stanza);
      case 'presence':
        return this.#begun().own.presence(stanza);
      case 'iq': {
        const { own, contacts } = this.#begun();
        return own.iq(stanza) ?? contacts.queried(stanza) ?? forward;
      }
      default:
        return forward;
    }
  }

  #toClient(stanza: Stanza): Disposition {
    switch (stanza.kind) {
      case 'message':
        // The content filter, which is a later stage, asks for the profile.
        this.#begun();
        return forward;
      case 'presence':
        return this.#begun().contacts.presence(stanza);
      case 'iq': {
        const { own, contacts } = this.#begun();
        const verdict = own.asked(stanza) ?? contacts.iq(stanza);
        if (verdict === undefined) this.#bound(bindingOf(stanza));
        return verdict ?? forward;
      }
      default:
        if (stanza.is(0, ns.streams, 'features')) return this.#features(stanza);
        this.#bound(bindingOf(stanza));
        return forward;
    }
  }

  /** Removes the server's capabilities from features before authentication: the claims of the token are unknown, so
   *  no profile can be chosen. Later features repeat them (RFC 6120 §6.4.6, XEP-0388 §2.6). */
  #features(stanza: Stanza): Disposition {
    if (this.#port.context.phase === 'authenticating') return withoutCapabilities(stanza);
    return this.#begun().contacts.features(stanza);
  }

  /** Asks the client for its capabilities after the first binding. Before it no peer can write to the client, and
   *  after it every peer can. */
  #bound(binding: Binding | undefined): void {
    if (binding === undefined || this.#isBound) return;
    this.#isBound = true;
    this.#port.schedule(0, () => {
      const { own, contacts } = this.#begun();
      own.bound(binding.jid);
      contacts.bound();
    });
  }

  /** Returns both sides, made at the first call. Not to be called before authentication: domain, listener and claims
   *  choose the profile. */
  #begun(): Sides {
    if (this.#sides !== undefined) return this.#sides;
    const own = new OwnCapabilities(this.#port, this.#shared);
    const contacts = new ContactCapabilities(this.#port, this.#shared, own);
    this.#sides = { own, contacts };
    this.#shared.join(this.#port.context, own);
    return this.#sides;
  }
}
