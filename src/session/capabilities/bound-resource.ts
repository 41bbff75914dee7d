/** Recognises the stanza by which a client gets its resource. */
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';

/** A resource was bound. `jid` is the client's full JID, undefined where an earlier stream is resumed (XEP-0198 §5). */
export interface Binding {
  readonly jid: string | undefined;
}

/** Reads the success of binding or resumption on its way to the client (RFC 6120 §7.6, XEP-0386 §5, XEP-0198 §5).
 *  @returns undefined for every other stanza */
export function bindingOf(stanza: Stanza): Binding | undefined {
  if (stanza.kind === 'iq') return bindResult(stanza);
  if (stanza.is(0, ns.sm, 'resumed')) return { jid: undefined };
  return stanza.is(0, ns.sasl2, 'success') ? inlineBinding(stanza) : undefined;
}

function bindResult(stanza: Stanza): Binding | undefined {
  const { names } = stanza;
  const bind = stanza.child(0, names.namespace(ns.bind), names.local('bind'));
  if (bind === -1 || stanza.attributeValue(0, 'type') !== 'result') return undefined;
  const jid = stanza.child(bind, names.namespace(ns.bind), names.local('jid'));
  return { jid: jid === -1 ? undefined : stanza.text(jid).trim() };
}

function inlineBinding(success: Stanza): Binding | undefined {
  let bound = false;
  let jid: string | undefined;
  for (let at = success.firstChild(); at !== -1; at = success.nextSibling(at)) {
    if (success.is(at, ns.bind2, 'bound') || success.is(at, ns.sm, 'resumed')) bound = true;
    if (success.is(at, ns.sasl2, 'authorization-identifier')) jid = success.text(at).trim();
  }
  if (!bound) return undefined;
  // A bare JID has no resource.
  return { jid: jid?.includes('/') === true ? jid : undefined };
}
