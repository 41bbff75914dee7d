/** The gatekeeper's enlistment API. Verifies the ownership token with keys that it has fetched, and the attestation
 *  of the connection with the verifier that is published for gatekeepers. */
import type { Verification, Verifier } from '../../signals/verify.ts';
import { answer, header, jsonBody, type HeaderList, type HttpAnswer } from '../http/message.ts';
import type { IncomingRequest } from '../http/server.ts';
import type { OwnershipCheck, TokenCheck } from '../token/ownership-check.ts';
import type { EnlistedUsers } from './enlisted-users.ts';

/** The gatekeeper's record of one request. */
export interface EnlistmentRecord {
  readonly request: 'enlist' | 'withdraw';
  readonly token: TokenCheck;
  /** Undefined where the token was refused first. */
  readonly attestation: Verification | undefined;
  readonly status: number;
}

export interface EnlistmentApiOptions {
  readonly users: EnlistedUsers;
  readonly ownership: OwnershipCheck;
  readonly attestations: Verifier;
  /** Returns whether a bare JID may enlist. */
  readonly known: (subject: string) => boolean;
  readonly onRequest: (record: EnlistmentRecord) => void;
}

/** Headers that a large server adds; the client must not see them. */
const housekeeping: HeaderList = [
  ['Server', 'gatekeeper-edge/7.3'],
  ['Set-Cookie', 'gk_device=5f3e2a1b; Secure; HttpOnly'],
  ['X-Served-By', 'edge-fra-17'],
];

/** Answers its own requests: POST /enlistments, DELETE /enlistments/:id. */
export function createEnlistmentApi(options: EnlistmentApiOptions) {
  return async (request: IncomingRequest): Promise<HttpAnswer | undefined> => {
    const [, id] = /^\/enlistments(?:\/([^/?]+))?$/.exec(request.target) ?? [];
    const isEnlisting = request.method === 'POST' && request.target === '/enlistments';
    if (!isEnlisting && !(request.method === 'DELETE' && id !== undefined)) return undefined;
    const shown = jsonBody(request)?.['ownershipToken'];
    const token = await options.ownership.check(typeof shown === 'string' ? shown : '');
    const attestation = token.kind === 'valid' ? await verify(request, options) : undefined;
    const given = decide(token, attestation, id, options);
    options.onRequest({
      request: isEnlisting ? 'enlist' : 'withdraw',
      token,
      attestation,
      status: given.status,
    });
    return { ...given, headers: [...given.headers, ...housekeeping] };
  };
}

/** Verifies an attestation, bound to the connection that carried it. */
function verify(request: IncomingRequest, { attestations }: EnlistmentApiOptions): Promise<Verification> {
  const value = request.exporter;
  return attestations.verify(header(request, 'connection-signals'), { kind: 'tls-exporter', value });
}

function decide(
  token: TokenCheck,
  attestation: Verification | undefined,
  id: string | undefined,
  { users, known }: EnlistmentApiOptions,
): HttpAnswer {
  if (token.kind === 'refused') return answer(401, { error: token.fault });
  if (attestation?.kind !== 'accepted') return answer(403, { error: 'attestation' });
  if (!known(token.subject)) return answer(403, { error: 'unknown-user' });
  if (id !== undefined)
    return users.withdraw(decodeURIComponent(id), token.subject)
      ? answer(204)
      : answer(404, { error: 'no-enlistment' });
  const { enlistment, isNew } = users.enlist(token.subject);
  return answer(isNew ? 201 : 200, { ...enlistment, status: 'active', shard: 'fra-7', riskScore: 0.04 });
}
