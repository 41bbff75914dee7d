/** The client fixtures log in for good reasons only: a login that would succeed anyway proves nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueCertificates } from '../peers/certificates.ts';
import { loginTo } from '../peers/client.ts';
import { clients } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { prosody } from '../peers/servers.ts';

describeWithPeers(prosody.needs, 'with Prosody', () => {
  let server: PeerServer;
  beforeAll(async () => {
    server = await prosody.start({ plain: true });
  });
  afterAll(() => server?.close());

  for (const kind of clients) {
    describeWithPeers(kind.needs, kind.name, () => {
      it.each(['starttls', 'direct'] as const)(
        'refuses a certificate of an unknown authority over %s',
        (mode) => {
          const { authority } = issueCertificates([server.domain]);
          return expect(kind.logIn({ ...loginTo(server, 'juliet', mode), authority })).rejects.toThrow(
            /certificate|certfail/i,
          );
        },
      );

      it('is refused with a wrong password', () => {
        const login = { ...loginTo(server, 'juliet', 'starttls'), password: 'r0meo?' };
        return expect(kind.logIn(login)).rejects.toThrow(/not.authorized|auth\b|AuthenticationFailure/i);
      });
    });
  }
});
