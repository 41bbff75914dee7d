import { HttpProblem, renderProblem } from './problem.ts';

/** The refusal of a method. @param allow the methods that the path takes, as in RFC 9110 §10.2.1. */
export function renderMethodProblem(allow: string): Response {
  const refusal = renderProblem(new HttpProblem('ERR_HTTP_METHOD'));
  refusal.headers.set('allow', allow);
  return refusal;
}
