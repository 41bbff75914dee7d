/** The provider's documents as issuer (OpenID Connect Discovery §4), and its endpoint for ownership tokens: a client
 *  gets one with its password, for one audience, bound to its nonce. */
import { answer, jsonBody, type HttpAnswer } from '../http/message.ts';
import type { IncomingRequest } from '../http/server.ts';
import { authenticatedUser, type PartyUser } from '../http/user.ts';
import type { TokenIssuer } from '../token/issuer.ts';

export interface TokenEndpointOptions {
  readonly issuer: TokenIssuer;
  readonly users: readonly PartyUser[];
  /** Returns `https://…` of this server without a slash at the end, once it listens. */
  readonly url: () => string;
}

/** Answers GET of both documents, and POST /tokens with `{ audience, nonce }`. */
export function createTokenEndpoint({ issuer, users, url }: TokenEndpointOptions) {
  return async (request: IncomingRequest): Promise<HttpAnswer | undefined> => {
    const { method, target } = request;
    if (method === 'GET' && target === '/.well-known/openid-configuration')
      return answer(200, metadata(issuer.issuer, url()));
    if (method === 'GET' && target === '/.well-known/jwks.json') return answer(200, issuer.jwks());
    if (method !== 'POST' || target !== '/tokens') return undefined;
    const user = authenticatedUser(users, request);
    if (user === undefined) return answer(401);
    const { audience, nonce } = jsonBody(request) ?? {};
    if (typeof audience !== 'string' || typeof nonce !== 'string') return answer(400);
    const claims = { nonce };
    return answer(201, { ownershipToken: await issuer.sign({ subject: user.identifier, audience, claims }) });
  };
}

function metadata(issuer: string, url: string) {
  return {
    issuer,
    jwks_uri: `${url}/.well-known/jwks.json`,
    token_endpoint: `${url}/tokens`,
    service_documentation: `${url}/internal/how-our-login-works`,
    id_token_signing_alg_values_supported: ['ES256'],
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
  };
}
