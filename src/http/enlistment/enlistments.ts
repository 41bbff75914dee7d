/** POST /enlistments and DELETE /enlistments/:id: opting in to a gatekeeper and out again. Verifies the proof, sends
 *  it to the gatekeeper with an attestation of the client's connection, and returns the members of the answer that
 *  the client may see. A form is for gatekeepers with the chat channel (`published.ts`). */
import { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { isForm, readJsonBody } from '../request-body.ts';
import { isScalar, parseStrictJson, type JsonObject, type JsonScalar } from '../strict-json.ts';
import type { OwnershipProof } from '../tokens/ownership-proof.ts';
import { bearerToken } from '../tokens/signed-token.ts';
import { digest, findGatekeeper, prove, refuseElsewhere, refuseReplay } from './admission.ts';
import { callGatekeeper } from './call.ts';
import type { ApiGatekeeper, EnlistmentOptions } from './gatekeeper.ts';
import { enlistmentUrl, isIdentifier, readEnlistmentId, writeEnlistmentId } from './identifier.ts';
import { IdempotentAnswers, type KeptAnswer } from './idempotency.ts';
import { createPublishedEnlistment } from './published.ts';

export interface Enlistments {
  readonly enlist: (context: HttpContext) => Promise<Response>;
  readonly withdraw: (context: HttpContext) => Promise<Response>;
}

export function createEnlistments(options: EnlistmentOptions): Enlistments {
  const { limits, state } = options;
  const limiter = new ConcurrencyLimiter(limits.enlistmentConcurrentMax, 0, busy);
  const answers = new IdempotentAnswers(limits, state, limiter);
  const published = createPublishedEnlistment(options, limiter);

  const enlist = async (context: HttpContext): Promise<Response> => {
    const key = idempotencyKey(context);
    const body = await readJsonBody(context.req.raw, limits);
    const name = gatekeeperName(body);
    const gatekeeper = findGatekeeper(options, name);
    if (gatekeeper.protocol !== 'xmpp') throw new HttpProblem('ERR_ENLISTMENT_SHAPE');
    refuseElsewhere(gatekeeper, context, options);
    const proof = await prove(bearerToken(context.req.raw.headers), context, options);
    const secret = `${proof.subject.reveal()}\n${key}`;
    await refuseReplay(proof, secret, options);
    const work = (): Promise<KeptAnswer> => forward({ name, gatekeeper, proof, context, secret }, options);
    const answer = await answers.run(secret, name, work);
    const location = `/enlistments/${String(answer.body['id'])}`;
    return json(answer, { location, 'cache-control': 'no-store' });
  };

  return {
    enlist: (context) => (isForm(context.req.raw.headers) ? published(context) : enlist(context)),
    withdraw: async (context) => {
      const enlistment = readEnlistmentId(context.req.param('id') ?? '');
      if (enlistment === undefined) throw new HttpProblem('ERR_ENLISTMENT_UNKNOWN');
      const { gatekeeper: name, id } = enlistment;
      const gatekeeper = findGatekeeper(options, name, 'ERR_ENLISTMENT_UNKNOWN');
      // Such a gatekeeper has no resource per enlistment: its clients ask over the chat channel.
      if (gatekeeper.protocol !== 'xmpp') throw new HttpProblem('ERR_ENLISTMENT_WITHDRAWAL');
      const proof = await prove(bearerToken(context.req.raw.headers), context, options);
      await refuseReplay(proof, `${name}~${id}`, options);
      const url = enlistmentUrl(gatekeeper.url, id);
      const call = { method: 'DELETE', url, name, gatekeeper, context, ...documentOf(proof) } as const;
      await callGatekeeper(call, options);
      return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } });
    },
  };
}

function busy(): HttpProblem {
  return new HttpProblem('ERR_ENLISTMENT_BUSY', { retryAfterS: 1 });
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

/** One request of a client to be enlisted. */
interface EnlistmentRequest {
  readonly name: string;
  readonly gatekeeper: ApiGatekeeper;
  readonly proof: OwnershipProof;
  readonly context: HttpContext;
  /** A secret of the caller. */
  readonly secret: string;
}

async function forward(
  { name, gatekeeper, proof, context, secret }: EnlistmentRequest,
  options: EnlistmentOptions,
): Promise<KeptAnswer> {
  const { url, answerMembers } = gatekeeper;
  // A digest in place of the client's key, whose form could link the client's requests.
  const idempotencyKey = digest(`upstream\n${secret}`);
  const call = {
    method: 'POST',
    url,
    name,
    gatekeeper,
    context,
    idempotencyKey,
    ...documentOf(proof),
  } as const;
  const { status, body } = await callGatekeeper(call, options);
  const json = parseStrictJson(body, { depthMax: options.limits.jsonDepthMax });
  if (json.kind !== 'object') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  const { id } = json.value;
  if (typeof id !== 'string' || !isIdentifier(id)) throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  const kept = answerMembers.flatMap((member): [string, JsonScalar][] => {
    const value = json.value[member];
    return isScalar(value) ? [[member, value]] : [];
  });
  return {
    status: status === 200 ? 200 : 201,
    body: { ...Object.fromEntries(kept), id: writeEnlistmentId(name, id) },
  };
}

/** Returns the body of a call. */
function documentOf({ token }: OwnershipProof) {
  return { type: 'application/json', body: JSON.stringify({ ownershipToken: token.reveal() }) } as const;
}

function json({ status, body }: KeptAnswer, headers: Record<string, string>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
  });
}
