/** Channel binding at an intermediary (RFC 5802 §6, RFC 5929, XEP-0440). A binding names the TLS connection that the
 *  client sees, which is never the one that the gatekeeper sees. Two cases are refused:
 *
 *  - A client that chooses a `-PLUS` mechanism would fail at the gatekeeper. Its stream ends here with an error that
 *    gives the reason. Clients that choose another mechanism log in.
 *  - A client that can bind channels but sees no `-PLUS` sets the gs2 flag `y`. A gatekeeper that can bind them too
 *    must treat that as a downgrade attack, and fail. The error then gives this reason.
 *
 *  The `-PLUS` offers stay visible. Without them the flag would become `y`, and clients that compare the list of
 *  mechanisms with the signed one would fail (XEP-0474). Only an announcement of binding types without a mechanism
 *  that uses them is removed: clients give up on it (XEP-0440). Where proxy and gatekeeper present the same
 *  certificate, so is each type that is not of the certificate, and an announcement of nothing else. */
import type { Direction } from '../../stanza/direction.ts';
import { StreamError } from '../../stanza/error.ts';
import { removeElement } from '../../stanza/edits.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type Disposition } from '../../stanza/verdict.ts';
import { messageIn, profileOf, type SaslProfile } from '../authentication/sasl-profile.ts';
import type { SessionFacts } from '../facts.ts';
import type { Stage, StageFactory } from '../stage.ts';

export const channelBindingGuard: StageFactory = {
  name: 'channel-binding',
  begin: ({ context }) => new ChannelBindingGuard(context),
};

/** The binding that survives where proxy and gatekeeper present the same certificate. */
const endPoint = 'tls-server-end-point';

/** State of the authentication.
 *  - `idle`: none runs, or one that binds nothing.
 *  - `message`: SCRAM has begun; its first message, which has the flag, has not come.
 *  - `flagged`: the first message had the flag `y`; the gatekeeper has not answered. */
type Exchange = 'idle' | 'message' | 'flagged';

class ChannelBindingGuard implements Stage {
  readonly #context: SessionFacts;
  #offersPlus = false;
  #exchange: Exchange = 'idle';

  constructor(context: SessionFacts) {
    this.#context = context;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    const { phase, channelBinding } = this.#context;
    if (phase !== 'authenticating' || channelBinding === 'reauthenticate') return forward;
    if (direction === 'to-gatekeeper') return this.#fromClient(stanza);
    if (stanza.is(0, ns.streams, 'features')) return this.#judgeFeatures(stanza);
    return this.#fromGatekeeper(stanza);
  }

  // ---- the gatekeeper's offer -------------------------------------------------------------------------------------

  #judgeFeatures(features: Stanza): Disposition {
    const children = childrenOf(features, 0);
    this.#offersPlus = children.some((child) => offersPlus(features, child));
    const announcements = children.filter((child) => features.namespaceName(child) === ns.saslChannelBinding);
    const edits = announcements.flatMap((child) => this.#editAnnouncement(features, child));
    return edits.length === 0 ? forward : { kind: 'forward', edits };
  }

  #editAnnouncement(features: Stanza, announcement: number): Edit[] {
    if (!this.#offersPlus) return [removeElement(features, announcement)];
    if (this.#context.channelBinding !== 'same-certificate') return [];
    const types = childrenOf(features, announcement);
    const others = types.filter((child) => features.attributeValue(child, 'type') !== endPoint);
    if (others.length === types.length) return [removeElement(features, announcement)];
    return others.map((child) => removeElement(features, child));
  }

  // ---- an authentication ------------------------------------------------------------------------------------------

  #fromClient(stanza: Stanza): Disposition {
    const profile = profileOf(stanza);
    if (profile === undefined) return forward;
    const local = stanza.localName(0);
    if (local === profile.request) return this.#begin(stanza, profile);
    if (local === 'response' && this.#exchange === 'message') return this.#readMessage(stanza, profile);
    return forward;
  }

  #begin(request: Stanza, profile: SaslProfile): Disposition {
    const mechanism = request.attributeValue(0, 'mechanism') ?? '';
    this.#exchange = 'idle';
    if (mechanism.endsWith('-PLUS') && this.#context.channelBinding === 'gatekeeper-without-plus')
      return bound();
    return mechanism.startsWith('SCRAM-') ? this.#readMessage(request, profile) : forward;
  }

  /** Reads the gs2 flag of the client's first message, and nothing after it (RFC 5801 §4). A malformed message is
   *  passed on; the gatekeeper refuses it. */
  #readMessage(stanza: Stanza, profile: SaslProfile): Disposition {
    const message = messageIn(stanza, profile);
    this.#exchange = message === 'absent' ? 'message' : 'idle';
    if (message === 'absent' || message === undefined) return forward;
    const flag = String.fromCharCode(...message.subarray(0, 2));
    if (flag === 'p=' && !startsWith(message, `p=${endPoint},`)) return bound();
    if (flag !== 'y,' || this.#context.channelBinding === 'same-certificate') return forward;
    // A server that offers -PLUS must fail at this flag (RFC 5802 §6).
    if (this.#offersPlus) return trapped();
    this.#exchange = 'flagged';
    return forward;
  }

  /** Recognises a gatekeeper that fails at the flag: it does so before it asks for a proof of the password, with
   *  `malformed-request`. Prosody 13 does, with its -PLUS mechanisms disabled. */
  #fromGatekeeper(stanza: Stanza): Disposition {
    const flagged = this.#exchange === 'flagged';
    this.#exchange = this.#exchange === 'message' ? 'message' : 'idle';
    const profile = profileOf(stanza);
    if (!flagged || profile === undefined || stanza.localName(0) !== 'failure') return forward;
    return childrenOf(stanza, 0).some((child) => stanza.is(child, ns.sasl, 'malformed-request'))
      ? trapped()
      : forward;
  }
}

function bound(): Disposition {
  return { kind: 'close', error: new StreamError('policy-violation', { code: 'ERR_CHANNEL_BINDING' }) };
}

function trapped(): Disposition {
  return { kind: 'close', error: new StreamError('policy-violation', { code: 'ERR_CHANNEL_BINDING_FLAG' }) };
}

function offersPlus(features: Stanza, feature: number): boolean {
  const namespace = features.namespaceName(feature);
  if (namespace !== ns.sasl && namespace !== ns.sasl2) return false;
  return childrenOf(features, feature).some(
    (child) => features.localName(child) === 'mechanism' && features.text(child).trim().endsWith('-PLUS'),
  );
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, text.length)).equals(
    Buffer.from(text),
  );
}

function childrenOf(stanza: Stanza, parent: number): number[] {
  const found: number[] = [];
  for (let at = stanza.firstChild(parent); at !== -1; at = stanza.nextSibling(at)) found.push(at);
  return found;
}
