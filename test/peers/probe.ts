/**
 * A look at what a server offers: connects, secures the stream (RFC 6120 §5, or direct TLS, XEP-0368), reads the
 * stream features and leaves. Also how the fixtures know that a server is ready.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { within } from '../support/wait.ts';

/** How a connection comes by its encryption. */
export type TlsMode = 'starttls' | 'direct';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly mode: TlsMode;
  readonly domain: string;
  /** PEM of the only authority trusted. */
  readonly authority: string;
}

const answerTimeoutMs = 15_000;

/** The SASL mechanisms (RFC 6120 §6.4.1) offered once the stream is encrypted. */
export async function offeredMechanisms(target: Target): Promise<string[]> {
  const features = await securedStreamFeatures(target);
  return [...features.matchAll(/<mechanism[^>]*>([^<]+)<\/mechanism>/g)].map((match) => match[1]!);
}

async function securedStreamFeatures(target: Target): Promise<string> {
  const plain = connectTcp(target.port, target.host);
  try {
    await within(answerTimeoutMs, `connecting to port ${target.port}`, once(plain, 'connect'));
    if (target.mode === 'starttls') await startTls(plain, target.domain);
    const secure = connectTls({ socket: plain, servername: target.domain, ca: target.authority });
    await within(answerTimeoutMs, 'TLS handshake', once(secure, 'secureConnect'));
    return await ask(secure, streamHeader(target.domain), '</stream:features>');
  } finally {
    plain.destroy();
  }
}

async function startTls(socket: Socket, domain: string): Promise<void> {
  await ask(socket, streamHeader(domain), '</stream:features>');
  await ask(socket, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", '<proceed');
}

function streamHeader(domain: string): string {
  return (
    `<?xml version='1.0'?><stream:stream to='${domain}' version='1.0' xmlns='jabber:client' ` +
    `xmlns:stream='http://etherx.jabber.org/streams'>`
  );
}

/** Sends `question` and gives what came back, up to and with the first read that completes `end`. */
async function ask(socket: Socket, question: string, end: string): Promise<string> {
  let answer = '';
  const read = (chunk: Buffer) => void (answer += chunk.toString('utf8'));
  socket.on('data', read);
  socket.write(question);
  try {
    while (!answer.includes(end)) {
      await within(answerTimeoutMs, `waiting for ${end}`, once(socket, 'data'));
    }
  } finally {
    socket.off('data', read);
  }
  return answer;
}
