/** What enlistment needs of each gatekeeper, in the shape of the gatekeeper's protocol. */
import type { Socket } from 'node:net';
import type { KnownRegion } from '../../policy/condition.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import type { StateStore } from '../../state/store.ts';
import type { Exchange } from '../calls/exchange.ts';
import type { Report } from '../events.ts';
import type { HttpPolicy } from '../http-policy.ts';
import type { EnlistmentLimits } from '../limits.ts';
import type { BodyLimits } from '../request-body.ts';
import type { OwnershipVerifier } from '../tokens/ownership-proof.ts';

interface AnyGatekeeper {
  /** URL in the gatekeeper's API: of the collection of enlistments, or of the endpoint that takes the published form. */
  readonly url: URL;
  readonly exchange: Exchange;
  /** Where users may opt in from: countries and subdivisions. Undefined for anywhere. */
  readonly regions?: readonly string[] | undefined;
  /** Returns the value of the proxy's own Authorization header, where the gatekeeper requires one. */
  readonly authorization?: () => Promise<string>;
}

/** A gatekeeper with an enlistment API of JSON documents. */
export interface ApiGatekeeper extends AnyGatekeeper {
  readonly protocol: 'xmpp';
  /** Members of the gatekeeper's answer that the client may see in addition to `id`; scalars only. */
  readonly answerMembers: readonly string[];
}

/** A gatekeeper that takes the published form. */
export interface FormGatekeeper extends AnyGatekeeper {
  readonly protocol: 'chat-channel';
  /** Returns the 32 bytes of an account's public transport key, with which the proxy opens its connections later. */
  readonly authkey: (subject: Sensitive<string>) => Uint8Array;
  /** The field in which the version of the protocol is stated, and its value. */
  readonly version: { readonly field: string; readonly value: string };
  /** The integrator's number, with which each login begins. */
  readonly integrator: string;
}

export type EnlistmentGatekeeper = ApiGatekeeper | FormGatekeeper;

/** Attests a client's connection to a gatekeeper, bound to the connection that carries the attestation.
 *  @returns a JWS in compact form; undefined when the gatekeeper takes no attestation
 *  @throws StreamError when one is required and cannot be made */
export type AttestConnection = (
  gatekeeper: string,
  client: Socket,
  outgoing: Socket,
) => Promise<string | undefined>;

export interface EnlistmentOptions {
  readonly gatekeepers: ReadonlyMap<string, EnlistmentGatekeeper>;
  readonly ownership: OwnershipVerifier;
  readonly attest: AttestConnection;
  /** Where a client's address is; undefined when that is not known. */
  readonly regionOf?: ((client: Socket) => Sensitive<KnownRegion> | undefined) | undefined;
  readonly policy: HttpPolicy;
  readonly report: Report;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  readonly limits: BodyLimits & EnlistmentLimits;
  /** Nonces and answers, of all replicas together. */
  readonly state: StateStore;
}
