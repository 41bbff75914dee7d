/** A few clients that say little, through restarts of the server, cuts and a change of certificate. `npm run long -- sparse-clients` does
 *  it with more clients for an hour. */
import { describe, expect, it } from 'vitest';
import { libstropheClient, slixmppClient, xmppJsClient } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { driftOf, growthOf } from './sparse-clients/counts.ts';
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

describe('the growth of the highest', () => {
  it.each([
    ['is of what comes after the first third', [9, 100, 9, 110, 9, 9], 0.1],
    ['is below 0 where nothing is as high', [100, 90, 80, 80, 80, 80], -0.2],
  ])('%s', (_, samples, growth) => {
    expect(growthOf(samples)).toBeCloseTo(growth);
  });
});

describe('the drift of memory', () => {
  it.each([
    ['grows', [9, 9, 9, 100, 100, 100, 110, 110, 110], 0.1],
    ['falls', [9, 9, 9, 100, 100, 100, 90, 90, 90], -0.1],
    ['has one high value', [9, 9, 9, 100, 100, 100, 100, 300, 100], 0],
    ['does not fill the first third', [9, 9, 9, 9, 100, 100, 100, 110, 110, 110], 0.1],
  ])('%s', (_, samples, drift) => {
    expect(driftOf(samples)).toBeCloseTo(drift);
  });
});
