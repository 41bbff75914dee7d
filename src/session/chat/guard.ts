/** The guard of the chat channel: decides which elements pass other than stanzas, and removes hints that lead a client past
 *  the proxy. */
import type { Direction } from '../../stanza/direction.ts';
import { removeElement } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import type { Stage, StageFactory } from '../stage.ts';

export const chatGuard: StageFactory = { name: 'chat-guard', begin: () => new ChatGuard() };

class ChatGuard implements Stage {
  /** The gatekeeper's `success` has passed, which is the first element of a session. */
  #loggedIn = false;

  judge(stanza: Stanza, direction: Direction): Disposition {
    if (stanza.kind === 'ib') return withoutRouting(stanza);
    if (stanza.kind !== 'nonza') return forward;
    return direction === 'to-gatekeeper' ? judgeClient(stanza) : this.#judgeGatekeeper(stanza);
  }

  /** Passes the answer to the login once. Of other elements no catalogue field says anything. */
  #judgeGatekeeper(stanza: Stanza): Disposition {
    if (this.#loggedIn || !stanza.is(0, ns.chat, 'success')) return { kind: 'drop' };
    this.#loggedIn = true;
    return forward;
  }
}

/** Closes the stream: nothing but stanzas passes from a client. */
function judgeClient(stanza: Stanza): Disposition {
  const error = stanza.is(0, ns.streams, 'error')
    ? new StreamError('undefined-condition', { code: 'ERR_CLIENT_GAVE_UP' })
    : new StreamError('unsupported-stanza-type', { code: 'ERR_NEGOTIATION' });
  return { kind: 'close', error };
}

/** Removes the routing cookie, by which a client would be recognised on its next connection, before encryption. */
function withoutRouting(stanza: Stanza): Disposition {
  const children = [...stanza.children()];
  const hints = children.filter((child) => stanza.is(child, ns.chat, 'edge_routing'));
  if (hints.length === 0) return forward;
  if (hints.length === children.length) return { kind: 'drop' };
  return { kind: 'forward', edits: hints.map((child) => removeElement(stanza, child)) };
}
