/** The failure of a bearer token (OAUTHBEARER, RFC 7628 §3.2.2). The gatekeeper gives the reason in a challenge, and may
 *  name an issuer there, which the client asks for another token. Here the provider issues the tokens, so only the reason
 *  passes: the address would lead the client, and its next token, past the proxy. */
import { setText } from '../../stanza/edits.ts';
import type { Direction } from '../../stanza/direction.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Disposition } from '../../stanza/verdict.ts';
import { messageIn, profileOf } from '../authentication/sasl-profile.ts';
import type { SessionFacts } from '../facts.ts';
import type { Stage, StageFactory } from '../stage.ts';

export const bearerFailureGuard: StageFactory = {
  name: 'bearer-failure',
  begin: ({ context }) => new BearerFailureGuard(context),
};

/** Reasons (RFC 6750 §3.1). Any other one is replaced by the first. */
const reasons = ['invalid_token', 'insufficient_scope', 'invalid_request'];

class BearerFailureGuard implements Stage {
  readonly #context: SessionFacts;
  /** Whether the client has chosen OAUTHBEARER, whose only challenge is its failure. */
  #isBearer = false;

  constructor(context: SessionFacts) {
    this.#context = context;
  }

  judge(stanza: Stanza, direction: Direction): Disposition {
    const { phase, channelBinding } = this.#context;
    if (phase !== 'authenticating' || channelBinding === 'reauthenticate') return forward;
    if (direction === 'to-client') return this.#isBearer ? reasonAlone(stanza) : forward;
    if (stanza.localName(0) === profileOf(stanza)?.request)
      this.#isBearer = stanza.attributeValue(0, 'mechanism') === 'OAUTHBEARER';
    return forward;
  }
}

/** Reduces a challenge to its reason. */
function reasonAlone(stanza: Stanza): Disposition {
  const profile = profileOf(stanza);
  if (profile === undefined || stanza.localName(0) !== 'challenge') return forward;
  const message = messageIn(stanza, profile);
  const status = message instanceof Uint8Array ? statusIn(message) : undefined;
  const reason = reasons.find((known) => known === status) ?? reasons[0];
  const written = Buffer.from(JSON.stringify({ status: reason })).toString('base64');
  return { kind: 'forward', edits: [setText(stanza, 0, written)] };
}

/** Returns the member `status` of a JSON object; undefined without one. */
function statusIn(message: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(message).toString());
    return (value as { readonly status?: unknown } | null)?.status;
  } catch {
    return undefined;
  }
}
