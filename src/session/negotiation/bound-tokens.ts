/** FAST at an intermediary (XEP-0484). A token is made for one mechanism, and most mechanisms bind to the TLS connection
 *  that the client sees (draft-schmaus-kitten-sasl-ht §3), which is never the gatekeeper's. Such mechanisms are not
 *  offered, and no token for them is requested. A client that has one from a connection without the proxy discards it.
 *  With `reauthenticate` no token passes at all (authentication/reauthentication.ts). */
import { removeAttribute, removeElement } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition, type Edit } from '../../stanza/verdict.ts';
import { profileOf, writeFailure } from '../authentication/sasl-profile.ts';
import type { ChannelBinding } from '../facts.ts';
import type { StageFactory } from '../stage.ts';

export const boundTokens: StageFactory = {
  name: 'bound-tokens',
  begin: ({ context }) => ({
    judge(stanza, direction): Disposition {
      const { phase, channelBinding } = context;
      if (phase !== 'authenticating' || channelBinding === 'reauthenticate') return forward;
      if (direction === 'to-gatekeeper') return judgeRequest(stanza, channelBinding);
      return stanza.is(0, ns.streams, 'features') ? edited(offerEdits(stanza, channelBinding)) : forward;
    },
  }),
};

/** Returns whether a mechanism works at this intermediary. Of the HT family, `NONE` binds to nothing and `ENDP` to the
 *  certificate of the server. */
function passes(mechanism: string, channelBinding: ChannelBinding): boolean {
  if (!mechanism.startsWith('HT-') || mechanism.endsWith('-NONE')) return true;
  return channelBinding === 'same-certificate' && mechanism.endsWith('-ENDP');
}

function judgeRequest(stanza: Stanza, channelBinding: ChannelBinding): Disposition {
  const profile = profileOf(stanza);
  if (profile === undefined || stanza.localName(0) !== profile.request) return forward;
  // The failure after which a client falls back to another mechanism (XEP-0484 §4.2).
  if (!passes(stanza.attributeValue(0, 'mechanism') ?? '', channelBinding))
    return { kind: 'drop', reply: writeFailure(profile, 'credentials-expired') };
  const requests = [...stanza.children()].filter(
    (child) =>
      stanza.is(child, ns.fast, 'request-token') &&
      !passes(stanza.attributeValue(child, 'mechanism') ?? '', channelBinding),
  );
  return edited(requests.map((request) => removeElement(stanza, request)));
}

/** Removes bound mechanisms from the offer, and the offer when none is left. The proxy takes no early data of TLS, whatever
 *  the gatekeeper does. */
function offerEdits(features: Stanza, channelBinding: ChannelBinding): Edit[] {
  const edits: Edit[] = [];
  for (const offer of [...features.elements()].filter((at) => features.is(at, ns.fast, 'fast'))) {
    const mechanisms = [...features.children(offer)].filter((at) => features.is(at, ns.fast, 'mechanism'));
    const bound = mechanisms.filter((at) => !passes(features.text(at).trim(), channelBinding));
    if (bound.length === mechanisms.length) {
      edits.push(removeElement(features, offer));
      continue;
    }
    edits.push(...bound.map((at) => removeElement(features, at)));
    const earlyData = features.attribute(offer, features.names.local('tls-0rtt'));
    if (earlyData !== -1) edits.push(removeAttribute(features, earlyData));
  }
  return edits;
}

function edited(edits: readonly Edit[]): Disposition {
  return edits.length === 0 ? forward : { kind: 'forward', edits };
}
