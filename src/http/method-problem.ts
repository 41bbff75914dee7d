import { HttpProblem, renderProblem } from './problem.ts';

/** Refuses a method.
 *  @param allow the methods of the path, as in RFC 9110 §10.2.1 */
export function renderMethodProblem(allow: string): Response {
  const refusal = renderProblem(new HttpProblem('ERR_HTTP_METHOD'));
  refusal.headers.set('allow', allow);
  return refusal;
}
