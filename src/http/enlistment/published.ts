/** Enlistment at a gatekeeper with the chat channel. The client sends the published form without `authkey`; the proxy adds
 *  the public half of the account's transport key, which only it has. Nothing of the answer is kept. */
import type { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import type { HttpContext } from '../env.ts';
import { HttpProblem } from '../problem.ts';
import { readForm } from '../request-body.ts';
import { digest, findGatekeeper, prove, refuseElsewhere, refuseReplay } from './admission.ts';
import { callGatekeeper } from './call.ts';
import type { EnlistmentOptions } from './gatekeeper.ts';
import { readLogin } from './published-answer.ts';
import { readClientForm, writeGatekeeperForm } from './published-form.ts';

/** Makes the handler.
 *  @param limiter bounds the calls to gatekeepers at once */
export function createPublishedEnlistment(
  options: EnlistmentOptions,
  limiter: ConcurrencyLimiter,
): (context: HttpContext) => Promise<Response> {
  const { limits } = options;
  return async (context) => {
    const { gatekeeper: name, token, keys } = readClientForm(await readForm(context.req.raw, limits));
    const gatekeeper = findGatekeeper(options, name);
    if (gatekeeper.protocol !== 'chat-channel') throw new HttpProblem('ERR_ENLISTMENT_SHAPE');
    refuseElsewhere(gatekeeper, context, options);
    const proof = await prove(token, context, options);
    await refuseReplay(proof, digest(`${name}\n${Object.values(keys).join('\n')}`), options);
    const { url, version, integrator, authkey } = gatekeeper;
    const login = await limiter.run(async () => {
      const form = writeGatekeeperForm({ authkey: authkey(proof.subject), keys, token, version });
      const type = 'application/x-www-form-urlencoded';
      const call = { method: 'POST', url, name, gatekeeper, context, type, body: form } as const;
      const { status, body } = await callGatekeeper(call, options);
      if (status !== 200) throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
      return readLogin(body, { integrator, jsonDepthMax: limits.jsonDepthMax });
    });
    return new Response(JSON.stringify({ status: 'ok', login }), {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    });
  };
}
