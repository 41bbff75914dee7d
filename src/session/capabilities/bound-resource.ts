/** What tells a session that its client has a resource. */
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';

/** The client has its resource. `jid` is its full JID, undefined where an earlier stream goes on (XEP-0198 §5). */
export interface Binding {
  readonly jid: string | undefined;
}

/** Reads RFC 6120 §7.6, XEP-0386 §5 and XEP-0198 §5 on their way to the client; undefined for everything else. */
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
  // Of a bare JID the resource is not known.
  return { jid: jid?.includes('/') === true ? jid : undefined };
}
