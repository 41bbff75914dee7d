/** The negotiation guard: decides which elements pass while a stream is negotiated, and which offers of the
 *  gatekeeper a client sees. The proxy does TLS on both sides, so STARTTLS and compression are hidden. Redirects
 *  past the proxy are removed. Before authentication only SASL passes. */
import type { Direction } from '../../stanza/direction.ts';
import { removeAttribute, removeElement } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type Disposition } from '../../stanza/verdict.ts';
import type { SessionFacts } from '../facts.ts';
import type { StageFactory } from '../stage.ts';

const compressionRefused = Buffer.from(`<failure xmlns='${ns.compress}'><setup-failed/></failure>`);

/** An older version of stream management, whose counts are not translated. Its implementations offer `urn:xmpp:sm:3`
 *  too. */
const olderStreamManagement = 'urn:xmpp:sm:2';
const hiddenFeatures: ReadonlySet<string> = new Set([
  ns.tls,
  ns.compressFeature,
  ns.signals,
  olderStreamManagement,
  // Before authentication no registration is relayed.
  ns.registerFeature,
  ns.invitedRegistration,
  ns.tokenRegistration,
]);

export const negotiationGuard: StageFactory = {
  name: 'negotiation-guard',
  begin: ({ context }) => ({
    judge(stanza, direction): Disposition {
      // The common case: a stanza of an established stream.
      if (stanza.kind !== 'nonza') {
        if (context.phase !== 'established') return refuseEarly(direction);
        return stanza.kind === 'iq' && direction === 'to-client' ? judgeIq(stanza) : forward;
      }
      return direction === 'to-gatekeeper' ? judgeClient(stanza, context) : judgeGatekeeper(stanza, context);
    },
  }),
};

/** Closes the stream for a stanza before authentication (RFC 6120 §4.9.3.12). */
function refuseEarly(direction: Direction): Disposition {
  const error =
    direction === 'to-gatekeeper'
      ? new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' })
      : new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
  return { kind: 'close', error };
}

function judgeClient(stanza: Stanza, { phase }: SessionFacts): Disposition {
  const namespace = stanza.namespaceName(0);
  // Attestations are written by the proxy only.
  if (namespace === ns.signals)
    return { kind: 'close', error: new StreamError('policy-violation', { code: 'ERR_NEGOTIATION' }) };
  if (namespace === ns.compress) return { kind: 'drop', reply: compressionRefused };
  if (namespace === ns.tls)
    return { kind: 'close', error: new StreamError('unsupported-feature', { code: 'ERR_NEGOTIATION' }) };
  if (namespace === ns.streams || namespace === ns.framing)
    return { kind: 'close', error: streamElement(stanza) };
  if (namespace === olderStreamManagement) return refuseOlderStreamManagement(stanza);
  if (namespace === ns.sasl || namespace === ns.sasl2 || phase === 'established') return forward;
  return { kind: 'close', error: new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' }) };
}

/** Returns the error that ends the stream for an element of the streams namespace: these bypass the policy, so none
 *  is passed on. A client may send the error by which it gives up (RFC 6120 §4.9); its text stays at the proxy. */
function streamElement(stanza: Stanza): StreamError {
  if (stanza.is(0, ns.streams, 'error'))
    return new StreamError('undefined-condition', { code: 'ERR_CLIENT_GAVE_UP' });
  return new StreamError('unsupported-stanza-type', { code: 'ERR_NEGOTIATION' });
}

function refuseOlderStreamManagement(stanza: Stanza): Disposition {
  const local = stanza.localName(0);
  if (local !== 'enable' && local !== 'resume') return { kind: 'drop' };
  const condition = `<feature-not-implemented xmlns='${ns.stanzaErrors}'/>`;
  return {
    kind: 'drop',
    reply: Buffer.from(`<failed xmlns='${olderStreamManagement}'>${condition}</failed>`),
  };
}

function judgeGatekeeper(stanza: Stanza, context: SessionFacts): Disposition {
  if (stanza.is(0, ns.streams, 'features')) return judgeFeatures(stanza);
  if (stanza.is(0, ns.streams, 'error')) return judgeError(stanza);
  const namespace = stanza.namespaceName(0);
  if (
    namespace === ns.streams ||
    namespace === ns.framing ||
    stanza.is(0, ns.tls, 'proceed') ||
    stanza.is(0, ns.compress, 'compressed')
  )
    return {
      kind: 'close',
      error: new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' }),
    };
  if (namespace === ns.signals || namespace === olderStreamManagement) return { kind: 'drop' };
  // No catalogue field covers it, and no client has asked for it.
  if (context.phase !== 'established' && namespace !== ns.sasl && namespace !== ns.sasl2)
    return refuseEarly('to-client');
  const edits = hideLocations(stanza);
  return edits.length === 0 ? forward : { kind: 'forward', edits };
}

/** Refuses a redirect, which would lead the client past the proxy (RFC 6120 §4.9.3.19). Other stream errors pass. */
function judgeError(stanza: Stanza): Disposition {
  for (const child of stanza.children())
    if (stanza.is(child, ns.streamErrors, 'see-other-host'))
      return {
        kind: 'close',
        error: new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_REDIRECT' }),
      };
  return forward;
}

/** Removes the address of a page in the answer about a registration, which would lead the client to the gatekeeper
 *  itself (XEP-0077 §5). */
function judgeIq(stanza: Stanza): Disposition {
  const query = stanza.firstChild();
  if (query === -1 || !stanza.is(query, ns.register, 'query')) return forward;
  const edits = [...stanza.children(query)]
    .filter((child) => stanza.is(child, ns.oob, 'x'))
    .map((child) => removeElement(stanza, child));
  return edits.length === 0 ? forward : { kind: 'forward', edits };
}

function judgeFeatures(stanza: Stanza): Disposition {
  const edits = [...stanza.children()]
    .filter((child) => hiddenFeatures.has(stanza.namespaceName(child)))
    .map((child) => removeElement(stanza, child));
  return edits.length === 0 ? forward : { kind: 'forward', edits };
}

/** Removes the `location` of stream management, another host for resumption (XEP-0198 §5), at any depth, with a prefix
 *  and without. */
function hideLocations(stanza: Stanza): Edit[] {
  const sm = stanza.names.namespace(ns.sm);
  const location = stanza.names.local('location');
  return [...stanza.elements()]
    .filter((at) => stanza.namespaceOf(at) === sm)
    .flatMap((at) => [stanza.attribute(at, location), stanza.attribute(at, location, sm)])
    .filter((found) => found !== -1)
    .map((found) => removeAttribute(stanza, found));
}
