import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import type { AttestationBinding } from '../../../src/signals/attestation.ts';
import { jsonBody, type HttpAnswer } from '../../../src/simulator/http/message.ts';

export interface AttestedRequest {
  readonly method: string;
  readonly url: string;
  readonly ca: string;
  readonly body?: object;
  /** Makes the attestation for this connection; undefined sends none. */
  readonly attest: (binding: AttestationBinding) => string | undefined;
}

/** A request whose attestation is bound to the connection it goes over, as the intermediary makes it. */
export async function sendAttested(
  options: AttestedRequest,
): Promise<{ readonly status: number; readonly body: ReturnType<typeof jsonBody> }> {
  const { method, ca, body, attest } = options;
  const url = new URL(options.url);
  const socket = connect({ host: url.hostname, port: Number(url.port), ca });
  await once(socket, 'secureConnect');
  const value = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  const attestation = attest({ kind: 'tls-exporter', value });
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    'content-length': Buffer.byteLength(text),
    ...(attestation === undefined ? {} : { 'connection-signals': attestation }),
  };
  const sending = httpsRequest(url, { method, headers, createConnection: () => socket });
  sending.end(text);
  const [incoming] = (await once(sending, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const given: Pick<HttpAnswer, 'headers' | 'body'> = { headers: [], body: Buffer.concat(chunks) };
  return { status: incoming.statusCode, body: jsonBody(given) };
}
