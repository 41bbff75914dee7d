/** The gatekeeper's answer to the published form. Success and failure both have status 200; `status` tells them apart. */
import { HttpProblem, type ProblemCode } from '../problem.ts';
import { parseStrictJson } from '../strict-json.ts';

/** Codes of published reasons. The text of a reason goes no further than this table. */
const reasons: ReadonlyMap<unknown, ProblemCode> = new Map([['bad_integrator', 'ERR_ENLISTMENT_INTEGRATOR']]);

/** A login: the integrator's number, the number of the account, and the server. */
const loginForm = /^(\d{1,5})-[A-Za-z0-9._+-]{1,128}@interop$/;

/** Returns the login of an answer. Further members are ignored.
 *  @param integrator the number that the login must begin with
 *  @throws HttpProblem with the code of the reason; ERR_ENLISTMENT_API_ANSWER for an answer that is none of both */
export function readLogin(
  body: Uint8Array,
  { integrator, jsonDepthMax }: { readonly integrator: string; readonly jsonDepthMax: number },
): string {
  const json = parseStrictJson(body, { depthMax: jsonDepthMax });
  if (json.kind !== 'object') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  const { status, login, reason } = json.value;
  if (status === 'fail') throw new HttpProblem(reasons.get(reason) ?? 'ERR_ENLISTMENT_REFUSED');
  if (status !== 'ok' || typeof login !== 'string') throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  if (loginForm.exec(login)?.[1] !== integrator) throw new HttpProblem('ERR_ENLISTMENT_API_ANSWER');
  return login;
}
