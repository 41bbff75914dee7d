/** A recording of five client libraries that write to each other through a running proxy: made anew each time, and
 *  never kept. */
import { join } from 'node:path';
import { loginTo, type PeerClient } from '../peers/client.ts';
import { clients, xmppJsClient } from '../peers/clients.ts';
import type { PeerServer } from '../peers/server.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { eventually } from '../support/wait.ts';

export interface FiveClientsOptions {
  readonly server: PeerServer;
  /** A shipped policy. */
  readonly policy: string;
  /** For the recording. */
  readonly folder: string;
  /** Messages of each client, and to each client. */
  readonly messages: number;
}

const recordingBytesMax = 67_108_864;

/** What each of the two writes, which must not be in the recording. */
export const words = { juliet: 'wherefore', romeo: 'yonder' } as const;

/** What all clients of the tests need to be installed. */
export const fiveClientsNeed = [...new Set(clients.flatMap(({ needs }) => needs))];

/** Lets each client log in through a proxy, write, read and leave, while romeo is connected to the server directly.
 *  @returns path of the recording */
export async function recordFiveClients({
  server,
  policy,
  folder,
  messages,
}: FiveClientsOptions): Promise<string> {
  const file = join(folder, `${policy}.jsonl`);
  const proxy = await startRecordingProxy(server, policy, file);
  const romeo = await xmppJsClient.logIn(loginTo(server, 'romeo', 'direct'));
  try {
    // go-sendxmpp goes first: its program is ready when its log ends with its presence, and a client before it may leave
    // messages that are delivered again.
    for (const [index, kind] of clients.toReversed().entries()) {
      const juliet = await kind.logIn({ ...loginTo(server, 'juliet', 'direct'), port: proxy.direct });
      for (let count = 0; count < messages; count += 1) {
        await write(juliet, romeo, `${words.juliet} ${'x'.repeat(count * 40)}`);
        await write(romeo, juliet, `${words.romeo} ${count}`);
      }
      await juliet.close();
      await eventually(() => proxy.closed.length > index);
    }
  } finally {
    await romeo.close();
    await proxy.close();
  }
  return file;
}

/** Starts a proxy before a server, that records all its life. */
export async function startRecordingProxy(
  server: PeerServer,
  policy: string,
  file: string,
): Promise<TestProxy> {
  const { chain: certificate, key, authority: ca } = server.certificates;
  return await startTestProxy({
    domain: server.domain,
    gatekeeper: { port: server.ports.direct, tls: 'direct' },
    certificate,
    key,
    ca,
    policy,
    recording: { file, durationMs: 3_600_000, bytesMax: recordingBytesMax },
  });
}

async function write(from: PeerClient, to: PeerClient, body: string): Promise<void> {
  from.send(to.jid, body);
  while ((await to.receive()).body.trim() !== body.trim());
}
