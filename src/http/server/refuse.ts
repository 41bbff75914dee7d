/** Refuses a request for which Node's server makes no response. */
import type { Duplex } from 'node:stream';
import { renderProblem, type HttpProblem } from '../problem.ts';

/** Answers on the socket and closes it: after a request that cannot be parsed, the start of the next is unknown. */
export async function refuseOnSocket(problem: HttpProblem, socket: Duplex): Promise<void> {
  // At once: after an upgrade nothing else listens, and an error without a listener ends the process.
  socket.on('error', () => socket.destroy());
  const answer = renderProblem(problem);
  const body = await answer.text();
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    ...[...answer.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
