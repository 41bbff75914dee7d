/** POST /enlistments and DELETE /enlistments/:id: opting in to a gatekeeper and out again. Verifies the proof, sends
 *  it to the gatekeeper with an attestation of the client's connection, and returns the members of the answer that
 *  the client may see. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { clientHeaders } from './client-headers.ts';
import type { HttpContext } from '../env.ts';
import type { KnownRegion } from '../../policy/condition.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import type { Report } from '../events.ts';
import type { Exchange, ExchangeOutcome } from '../calls/exchange.ts';
import type { HttpPolicy } from '../http-policy.ts';
import { enlistmentUrl, isIdentifier, readEnlistmentId, writeEnlistmentId } from './identifier.ts';
import { IdempotentAnswers, type KeptAnswer } from './idempotency.ts';
import type { OwnershipProof, OwnershipVerifier } from '../tokens/ownership-proof.ts';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import type { EnlistmentLimits } from '../limits.ts';
import { readJsonBody, type BodyLimits } from '../request-body.ts';
import { bearerToken } from '../tokens/signed-token.ts';
import { isScalar, parseStrictJson, type JsonObject, type JsonScalar } from '../strict-json.ts';
import type { StateStore } from '../../state/store.ts';

export interface EnlistmentGatekeeper {
  /** URL of the enlistments in the gatekeeper's API. */
  readonly url: URL;
  readonly exchange: Exchange;
  /** Members of the gatekeeper's answer that the client may see in addition to `id`; scalars only. */
  readonly answerMembers: readonly string[];
  /** Where users may opt in from: countries and subdivisions. Undefined for anywhere. */
  readonly regions?: readonly string[] | undefined;
  /** Returns the value of the proxy's own Authorization header, where the gatekeeper requires one. */
  readonly authorization?: () => Promise<string>;
}

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

export interface Enlistments {
  readonly enlist: (context: HttpContext) => Promise<Response>;
  readonly withdraw: (context: HttpContext) => Promise<Response>;
}

export function createEnlistments(options: EnlistmentOptions): Enlistments {
  const { ownership, report, limits, state } = options;
  const answers = new IdempotentAnswers(limits, state);
  const replays = createReplayGuard(options);

  const prove = async (context: HttpContext): Promise<OwnershipProof> => {
    const { headers } = context.req.raw;
    const proof = await ownership.verify(bearerToken(headers), headers.get('ownership-nonce') ?? undefined);
    if (proof.unlisted.length > 0) report({ event: 'claims-unlisted', claims: proof.unlisted });
    return proof;
  };

  return {
    enlist: async (context) => {
      const key = idempotencyKey(context);
      const body = await readJsonBody(context.req.raw, limits);
      const name = gatekeeperName(body);
      const gatekeeper = findGatekeeper(options, name);
      refuseElsewhere(gatekeeper, context, options);
      const proof = await prove(context);
      const secret = `${proof.subject.reveal()}\n${key}`;
      await replays.check(proof, secret);
      const work = (): Promise<KeptAnswer> => forward({ name, gatekeeper, proof, context, secret }, options);
      const answer = await answers.run(secret, name, work);
      const location = `/enlistments/${String(answer.body['id'])}`;
      return json(answer, { location, 'cache-control': 'no-store' });
    },
    withdraw: async (context) => {
      const enlistment = readEnlistmentId(context.req.param('id') ?? '');
      if (enlistment === undefined) throw new HttpProblem('ERR_ENLISTMENT_UNKNOWN');
      const { gatekeeper: name, id } = enlistment;
      const gatekeeper = findGatekeeper(options, name, 'ERR_ENLISTMENT_UNKNOWN');
      const proof = await prove(context);
      await replays.check(proof, `${name}~${id}`);
      const url = enlistmentUrl(gatekeeper.url, id);
      judge(await send('DELETE', url, { name, gatekeeper, proof, context }, options));
      return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } });
    },
  };
}

/** Makes a guard that takes each nonce for one request only. The same request sent again is no replay. */
function createReplayGuard({ state, now }: EnlistmentOptions): {
  readonly check: (proof: OwnershipProof, request: string) => Promise<void>;
} {
  return {
    check: async ({ subject, nonce, expiresAt }, request) => {
      if (nonce === undefined) return;
      const id = digest(`nonce\n${subject.reveal()}\n${nonce.reveal()}`);
      const asked = Buffer.from(digest(`request\n${subject.reveal()}\n${request}`));
      const earlier = await state.claim('nonce', id, asked, expiresAt - now());
      if (earlier !== undefined && !asked.equals(earlier)) throw new HttpProblem('ERR_TOKEN_REPLAYED');
    },
  };
}

/** Reads the idempotency key. It must be unguessable, because it also seals the stored answer.
 *  @throws HttpProblem ERR_IDEMPOTENCY_KEY */
function idempotencyKey(context: HttpContext): string {
  const key = context.req.header('idempotency-key') ?? '';
  // A structured-field string may be in quotes (RFC 8941 §3.3.3).
  const [, text] = /^"?([\x21\x23-\x5b\x5d-\x7e]{16,128})"?$/.exec(key) ?? [];
  if (text === undefined) throw new HttpProblem('ERR_IDEMPOTENCY_KEY');
  return text;
}

function gatekeeperName(body: JsonObject): string {
  const { gatekeeper, ...rest } = body;
  if (typeof gatekeeper !== 'string' || Object.keys(rest).length > 0)
    throw new HttpProblem('ERR_HTTP_MEMBER');
  return gatekeeper;
}

function findGatekeeper(
  { gatekeepers }: EnlistmentOptions,
  name: string,
  code: ProblemCode = 'ERR_GATEKEEPER_UNKNOWN',
): EnlistmentGatekeeper {
  const gatekeeper = gatekeepers.get(name);
  if (gatekeeper === undefined) throw new HttpProblem(code);
  return gatekeeper;
}

/** What is not in the table is nowhere. @throws HttpProblem ERR_ENLISTMENT_REGION */
function refuseElsewhere(
  { regions }: EnlistmentGatekeeper,
  context: HttpContext,
  { regionOf }: EnlistmentOptions,
): void {
  if (regions === undefined) return;
  const { country, subdivision } = regionOf?.(context.env.incoming.socket)?.reveal() ?? nowhere;
  if (!regions.includes(country) && !regions.includes(subdivision))
    throw new HttpProblem('ERR_ENLISTMENT_REGION');
}

const nowhere: KnownRegion = { country: '', subdivision: '' };

/** One request of a client to a gatekeeper. */
interface EnlistmentCall {
  readonly name: string;
  readonly gatekeeper: EnlistmentGatekeeper;
  readonly proof: OwnershipProof;
  readonly context: HttpContext;
  /** A secret of the caller, for requests that may be repeated. */
  readonly secret?: string;
}

async function forward(call: EnlistmentCall, options: EnlistmentOptions): Promise<KeptAnswer> {
  const { name, gatekeeper } = call;
  const { status, body } = judge(await send('POST', gatekeeper.url, call, options));
  const json = parseStrictJson(body, { depthMax: options.limits.jsonDepthMax });
  if (json.kind !== 'object') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  const { id } = json.value;
  if (typeof id !== 'string' || !isIdentifier(id)) throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  const kept = gatekeeper.answerMembers.flatMap((member): [string, JsonScalar][] => {
    const value = json.value[member];
    return isScalar(value) ? [[member, value]] : [];
  });
  return {
    status: status === 200 ? 200 : 201,
    body: { ...Object.fromEntries(kept), id: writeEnlistmentId(name, id) },
  };
}

async function send(
  method: 'POST' | 'DELETE',
  url: URL,
  { name, gatekeeper: { exchange, authorization }, proof, context, secret }: EnlistmentCall,
  { attest, policy, limits }: EnlistmentOptions,
): Promise<ExchangeOutcome> {
  const client = context.env.incoming.socket;
  return exchange({
    method,
    url,
    headers: {
      ...clientHeaders(context.req.raw.headers, name, policy),
      accept: 'application/json',
      'content-type': 'application/json',
      // A digest in place of the client's key, whose form could link the client's requests.
      ...(secret === undefined ? {} : { 'idempotency-key': digest(`upstream\n${secret}`) }),
      ...(authorization === undefined ? {} : { authorization: await authorization() }),
    },
    headersFor: async (outgoing) => {
      const attestation = await attest(name, client, outgoing);
      return attestation === undefined ? {} : { 'connection-signals': attestation };
    },
    body: JSON.stringify({ ownershipToken: proof.token.reveal() }),
    timeoutMs: limits.enlistmentTimeoutMs,
    answerBytesMax: limits.enlistmentAnswerBytesMax,
  });
}

const refusals: Readonly<Record<number, ProblemCode>> = {
  404: 'ERR_ENLISTMENT_UNKNOWN',
  409: 'ERR_ENLISTMENT_CONFLICT',
  410: 'ERR_ENLISTMENT_UNKNOWN',
  429: 'ERR_ENLISTMENT_API_BUSY',
  503: 'ERR_ENLISTMENT_API_BUSY',
};

const retryAfterMaxS = 3_600;

/** Returns a successful answer. Another outcome becomes a problem in the proxy's words: the gatekeeper's text is not
 *  passed on.
 *  @throws HttpProblem */
function judge(outcome: ExchangeOutcome): Extract<ExchangeOutcome, { kind: 'answer' }> {
  if (outcome.kind === 'timeout') throw new HttpProblem('ERR_ENLISTMENT_API_TIMEOUT');
  if (outcome.kind === 'unreachable') throw new HttpProblem('ERR_ENLISTMENT_API_UNREACHABLE');
  if (outcome.kind === 'too-large') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  if (outcome.kind === 'unsent') throw new HttpProblem('ERR_ATTESTATION_UNAVAILABLE', { retryAfterS: 1 });
  const { status, headers } = outcome;
  if (status >= 200 && status < 300) return outcome;
  const known = refusals[status];
  const code =
    known ?? (status >= 400 && status < 500 ? 'ERR_ENLISTMENT_REFUSED' : 'ERR_ENLISTMENT_API_ANSWER');
  if (code !== 'ERR_ENLISTMENT_API_BUSY') throw new HttpProblem(code);
  const asked = Number(headers['retry-after']);
  throw new HttpProblem(code, {
    retryAfterS: Number.isInteger(asked) && asked > 0 ? Math.min(asked, retryAfterMaxS) : 5,
  });
}

function json({ status, body }: KeptAnswer, headers: Record<string, string>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
  });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
