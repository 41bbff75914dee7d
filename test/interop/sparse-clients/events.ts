/** What happens to clients that stay online. An event resolves when it is over, whether clients are back or not, with the number of
 *  clients that lost their connection. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { xmppJsClient } from '../../peers/clients.ts';
import { retried, within } from '../../support/wait.ts';
import { certificateFiles, type Group, type Scene } from './scene.ts';

export type SparseEvent = (scene: Scene) => Promise<number>;

const rotationMs = 60_000;
const awayMs = 30_000;

export const events = {
  'the server restarts': async ({ server, groups }) => {
    await server.restart();
    return sizeOf(groups);
  },
  'the server is killed': async ({ server, groups }) => {
    await server.restart({ signal: 'SIGKILL' });
    return sizeOf(groups);
  },
  'the server is away': async ({ server, groups }) => {
    await server.restart({ downMs: awayMs });
    return sizeOf(groups);
  },
  'connections are cut': async ({ groups }) => cut(groups.filter((_, index) => index % 2 === 0)),
  /** No side notices by the connection. Only @xmpp/client asks by itself whether its stream is alive. Over WebSocket it comes back
   *  from this, and opens no connection after the next loss. */
  'connections are lost': async ({ groups }) => {
    const affected = groups.filter(({ kind, mode }) => kind === xmppJsClient && mode !== 'websocket');
    for (const { link } of affected) link.lose();
    return sizeOf(affected);
  },
  'the certificate changes': async (scene) => {
    const before = endedSessions(scene);
    await rotate(scene);
    const ended = endedSessions(scene) - before;
    if (ended !== 0) throw new Error(`a new certificate ended ${ended} sessions`);
    return cut(scene.groups);
  },
} as const satisfies Record<string, SparseEvent>;

export type EventName = keyof typeof events;

function sizeOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}

function cut(groups: readonly Group[]): number {
  for (const { link } of groups) link.cut();
  return sizeOf(groups);
}

/** Returns how many sessions of clients have ended so far; a look at the certificate is none. */
function endedSessions({ proxy: { log } }: Scene): number {
  return log.filter(({ event, stanzasToClient }) => event === 'session.closed' && Number(stanzasToClient) > 0)
    .length;
}

/** Replaces the proxy's certificate, and waits until each port shows the new one. */
async function rotate({ proxy, server, authority, ports }: Scene): Promise<void> {
  const { cert, key } = authority.issue({ dns: [server.domain] });
  await writeFile(join(proxy.folder, certificateFiles.certFile), cert);
  await writeFile(join(proxy.folder, certificateFiles.keyFile), key);
  proxy.child.kill('SIGHUP');
  const { fingerprint256 } = new X509Certificate(cert);
  for (const port of [ports.direct, ports.websocket])
    await retried(rotationMs, async () => {
      const shown = await shownCertificate(port, authority.cert);
      if (shown !== fingerprint256) throw new Error(`port ${port} shows the certificate of before`);
    });
}

async function shownCertificate(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca });
  try {
    await within(rotationMs, 'TLS handshake', once(socket, 'secureConnect'));
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}
