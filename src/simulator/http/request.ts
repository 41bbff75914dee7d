/** Sends one HTTPS request of one party, with exactly the given headers, and returns the whole answer. */
import { request as httpsRequest } from 'node:https';
import type { CertificatePair } from '../certificates.ts';
import { SimulatorError } from '../error.ts';
import { pairs, type HeaderList, type HttpExchange } from './message.ts';

export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: HeaderList;
  readonly body?: Buffer;
}

/** Authorities, certificate and limits of a party's requests. */
export interface Caller {
  /** PEM of the authorities to trust. */
  readonly ca: string;
  /** Shown to a server that requests one (mutual TLS). */
  readonly certificate?: CertificatePair;
  /** Milliseconds from the start to the last byte of the answer. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Bytes of the largest answer. Default: 32 MiB. */
  readonly answerBytesMax?: number;
}

/** Sends on a connection of its own, and follows no redirect.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT`, `ERR_SIMULATOR_TIMEOUT`, `ERR_SIMULATOR_STREAM` when the answer
 *  is too large */
export function send(outgoing: OutgoingRequest, caller: Caller): Promise<HttpExchange> {
  const { method, headers = [], body } = outgoing;
  const { ca, certificate, timeoutMs = 10_000, answerBytesMax = 32 * 1024 * 1024 } = caller;
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise, resolve, reject } = Promise.withResolvers<HttpExchange>();
  const url = new URL(outgoing.url);
  const sending = httpsRequest(url, {
    method,
    headers: Object.fromEntries(headers),
    ca,
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    agent: false,
    signal,
  });
  if (body !== undefined) sending.setHeader('Content-Length', body.length);
  const fail = (cause: Error): void =>
    reject(
      signal.aborted
        ? new SimulatorError('ERR_SIMULATOR_TIMEOUT', `no answer within ${timeoutMs} ms`, { cause })
        : new SimulatorError('ERR_SIMULATOR_CONNECT', 'no connection to the endpoint', { cause }),
    );
  sending.on('error', fail);
  sending.on('response', (incoming) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= answerBytesMax) return;
      reject(new SimulatorError('ERR_SIMULATOR_STREAM', `the answer has more than ${answerBytesMax} bytes`));
      sending.destroy();
    });
    incoming.on('error', fail);
    incoming.on('end', () =>
      resolve({
        request: {
          method,
          target: `${url.pathname}${url.search}`,
          headers: sentHeaders(),
          body: body ?? Buffer.alloc(0),
        },
        answer: {
          status: incoming.statusCode ?? 0,
          headers: pairs(incoming.rawHeaders),
          body: Buffer.concat(chunks),
        },
      }),
    );
  });
  /** Returns the requested headers, and those that Node added. */
  const sentHeaders = (): HeaderList =>
    sending.getRawHeaderNames().map((name) => [name, String(sending.getHeader(name))] as const);
  sending.end(body);
  return promise;
}
