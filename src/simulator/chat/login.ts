/** Decides on a login: the token, the enlistment, the static key, the attestation of the connection. */
import { createHash } from 'node:crypto';
import type { ProxyHeader } from '../../signals/proxy-protocol.ts';
import { attestationTypeDefault, unpackAttestation } from '../../signals/packed-attestation.ts';
import { createVerifier, type ExpectedBinding } from '../../signals/verify.ts';

import type { TokenCheck } from '../token/ownership-check.ts';
import { deviceAddress, ownServer } from './address.ts';
import type { ClientHandshake } from './noise.ts';
import type { ChatSettings } from './options.ts';
import { interopProduct, readLoginRequest, type LoginRequest } from './payload.ts';
import type { ChatUser } from './users.ts';

/** Reasons in `failure` (reverse-engineered numbers). */
export const failureReasons = {
  generic: 400,
  loggedOut: 401,
  outdated: 405,
  badUserAgent: 409,
  tokenExpired: 413,
  tokenInvalid: 414,
  notFound: 415,
  unknownClient: 418,
} as const;

export interface LoginDecision {
  readonly request: LoginRequest;
  readonly token: TokenCheck | undefined;
  readonly outcome:
    | { readonly kind: 'accepted'; readonly user: ChatUser; readonly address: string }
    | { readonly kind: 'refused'; readonly attrs: Readonly<Record<string, string>> };
}

export interface LoginDesk {
  /** Decides on a login.
   *  @throws Error for a payload that is no ClientPayload */
  decide(
    connectionId: number,
    client: ClientHandshake,
    header: ProxyHeader | undefined,
  ): Promise<LoginDecision>;
}

export function createLoginDesk(settings: ChatSettings): LoginDesk {
  const attestations = createAttestationCheck(settings);

  /** @returns the user, or a reason */
  async function findUser(request: LoginRequest, token: TokenCheck | undefined): Promise<ChatUser | number> {
    if (request.product === 0)
      return settings.users.find(`${request.username}@${ownServer}`) ?? failureReasons.unknownClient;
    if (request.product !== interopProduct) return failureReasons.unknownClient;
    if (token?.kind !== 'valid')
      return token?.fault === 'expired' ? failureReasons.tokenExpired : failureReasons.tokenInvalid;
    const user = settings.users.bySubject(token.subject);
    if (user === undefined) return failureReasons.notFound;
    const { accountId = user.number, username = user.number } = request;
    return accountId === user.number && username === user.number ? user : failureReasons.loggedOut;
  }

  return {
    async decide(connectionId, client, header) {
      const request = readLoginRequest(client.payload);
      const isInterop = request.product === interopProduct;
      const attested = isInterop ? await attestations(connectionId, client, header) : true;
      const token = request.token === undefined ? undefined : await settings.ownership.check(request.token);
      const found = attested ? await findUser(request, token) : failureReasons.generic;
      if (typeof found === 'number') return { request, token, outcome: refused(found) };
      const reason = clientFault(request, settings.appVersionMin) ?? keyFault(found, request, client);
      if (reason !== undefined) return { request, token, outcome: refused(reason) };
      const attrs = settings.refuse(found);
      if (attrs !== undefined) return { request, token, outcome: { kind: 'refused', attrs } };
      return {
        request,
        token,
        outcome: { kind: 'accepted', user: found, address: deviceAddress(found.address, deviceOf(request)) },
      };
    },
  };
}

function refused(reason: number): LoginDecision['outcome'] {
  return { kind: 'refused', attrs: { reason: String(reason) } };
}

/** Returns the number of the device; a third party's user has one. */
function deviceOf({ product, device }: LoginRequest): number {
  return product === interopProduct ? 0 : device;
}

function clientFault({ platform, appVersion }: LoginRequest, least: readonly number[]): number | undefined {
  if (platform === undefined || appVersion.length === 0) return failureReasons.badUserAgent;
  for (const [index, part] of least.entries()) {
    const own = appVersion[index] ?? 0;
    if (own !== part) return own < part ? failureReasons.outdated : undefined;
  }
  return undefined;
}

/** Returns the reason to refuse a handshake with another key than the one that was enlisted. */
function keyFault(user: ChatUser, request: LoginRequest, { staticKey }: ClientHandshake): number | undefined {
  return user.keys.get(deviceOf(request))?.equals(staticKey) === true ? undefined : failureReasons.loggedOut;
}

/** Returns whether a connection is attested as the rules require. */
type AttestationCheck = (
  connectionId: number,
  client: ClientHandshake,
  header: ProxyHeader | undefined,
) => Promise<boolean>;

/** Makes the check of attestations in PROXY headers. Each must be bound to the ephemeral key of the handshake that
 *  follows the header. All connections share one memory of used attestations. */
function createAttestationCheck({ signals, now, onAttestation }: ChatSettings): AttestationCheck {
  if (signals === undefined) return async () => true;
  const { keys, issuer, audience, required = false } = signals;
  const verifier = createVerifier({ keys, issuer, audience, clock: now });
  return async (connectionId, { ephemeralKey }, header) => {
    const packed = header?.fields.others.get(signals.attestationType ?? attestationTypeDefault);
    if (packed === undefined && !required) return true;
    // The verifier refuses what does not unpack as no JWS.
    const jws = packed === undefined ? undefined : (unpackAttestation(packed) ?? '');
    const verification = await verifier.verify(jws, bindingOf(ephemeralKey));
    onAttestation({ connectionId, verification });
    return verification.kind === 'accepted';
  };
}

/** Returns the binding to the ephemeral key of the handshake. */
function bindingOf(ephemeralKey: Uint8Array): ExpectedBinding {
  return { kind: 'noise-ephemeral', sha256: createHash('sha256').update(ephemeralKey).digest() };
}
