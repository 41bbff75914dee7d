/** The server fixtures keep what they promise; the tests that build on them need not ask again. */
import { expect, it } from 'vitest';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer, ServerOptions } from '../peers/server.ts';
import { servers, type ServerKind } from '../peers/servers.ts';

async function withServer(
  kind: ServerKind,
  options: ServerOptions,
  use: (server: PeerServer) => Promise<void>,
): Promise<void> {
  const server = await kind.start(options);
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

for (const kind of servers) {
  describeWithPeers(kind.needs, kind.name, () => {
    it('offers channel binding when asked to', () =>
      withServer(kind, { channelBinding: true }, async (server) => {
        const mechanisms = await server.mechanisms('starttls');
        expect(mechanisms).toEqual(expect.arrayContaining(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']));
        expect(await server.mechanisms('direct')).toEqual(mechanisms);
      }));

    it('serves another domain next to a second server of its kind', () =>
      withServer(kind, { domain: 'montague.example' }, (first) =>
        withServer(kind, { domain: 'capulet.example' }, async (second) => {
          expect(await first.mechanisms('starttls')).toContain('SCRAM-SHA-1');
          expect(await second.mechanisms('direct')).toContain('SCRAM-SHA-1');
        }),
      ));

    it('leaves nothing listening once closed', async () => {
      const server = await kind.start();
      await server.close();
      await expect(server.mechanisms('starttls')).rejects.toThrow('ECONNREFUSED');
    });
  });
}
