/** A proxy before a raw gatekeeper that confirms presences, and clients that send presences with a status: each is on its
 *  way to the gatekeeper, and counted, once its confirmation has come. */
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.ts';
import { logInRaw, type RawClient } from './raw-client.ts';
import { startRawGatekeeper } from './raw-gatekeeper.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);

/** A policy named `ours-keep` or `ours-drop`, by what it does to the status of a presence for the gatekeeper. */
export const statusPolicy = (status: 'keep' | 'drop'): string => `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours-${status}, owner: security@third.example }
spec:
  extends: passthrough
  audiences:
    gatekeeper:
      presence.status: ${status}
`;

/** Starts both. The gatekeeper answers a presence by a message with the same id. */
export async function startPresenceProxy(
  options: Partial<TestProxyOptions>,
): Promise<TestProxy & AsyncDisposable> {
  const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      for (const [, id] of chunk.toString('latin1').matchAll(/ id='(p[0-9]+)'/g))
        socket.write(`<message id='${id}'/>`);
    });
  });
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    ...options,
  });
  return Object.assign(proxy, {
    async [Symbol.asyncDispose]() {
      await proxy.close();
      gatekeeper.close();
    },
  });
}

function logInForPresences(proxy: TestProxy): Promise<RawClient> {
  return logInRaw(proxy.direct, authority.certificate);
}

/** The element of which each presence has one. */
export const status = '<status>canary</status>';

/** Sends presences one by one, each after the confirmation of the one before.
 *  @param timeoutMs for each confirmation */
async function sendPresences(client: RawClient, presences: number, timeoutMs?: number): Promise<void> {
  for (let index = 0; index < presences; index += 1) {
    client.socket.write(`<presence id='p${index}'>${status}</presence>`);
    await client.until(`id='p${index}'`, timeoutMs);
    client.forget();
  }
}

/** Sends presences from so many sessions, one session after another. */
export async function sendPresencesFrom(
  proxy: TestProxy,
  sessions: number,
  presences: number,
): Promise<void> {
  for (let session = 0; session < sessions; session += 1) {
    const client = await logInForPresences(proxy);
    await sendPresences(client, presences);
    client.socket.destroy();
  }
}
