/** A few clients that say little, through restarts of the server, cuts and a change of certificate. `npm run long -- sparse-clients` does
 *  it with more clients for an hour. */
import { expect, it } from 'vitest';
import { libstropheClient, slixmppClient, xmppJsClient } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { runSparse } from './sparse-clients/run.ts';

const needs = [...prosody.needs, ...slixmppClient.needs, ...libstropheClient.needs];

describeWithPeers(needs, 'clients that say little', () => {
  it('are all back after a restart, a kill, a cut and a new certificate, and leave no connection', async () => {
    const { turns, messages } = await runSparse({
      server: prosody,
      groups: [
        { kind: xmppJsClient, mode: 'direct', count: 2 },
        { kind: xmppJsClient, mode: 'websocket', count: 2 },
        { kind: slixmppClient, mode: 'starttls', count: 2 },
        { kind: libstropheClient, mode: 'direct', count: 1 },
      ],
      events: [
        'the server restarts',
        'connections are cut',
        'the certificate changes',
        'the server is killed',
      ],
      runMs: 0,
      quietMs: 200,
      messageMs: 50,
      backMs: 60_000,
      againMs: 500,
      seed: 1,
    });
    expect(turns.map(({ affected }) => affected)).toEqual([7, 4, 7, 7]);
    expect(messages).toBeGreaterThan(0);
  }, 300_000);
});
