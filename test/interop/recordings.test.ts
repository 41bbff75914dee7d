/** Recordings of real clients under the three shipped policies, and what sizes and times tell of actions. Small counts:
 *  `npm run long -- recordings` and `npm run long -- actions` have the full ones. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clients } from '../peers/clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { prosody } from '../peers/servers.ts';
import { stanzaClients } from '../peers/stanza-client.ts';
import { recognitionOf } from '../recording/actions/classifier.ts';
import { actionNames, dropped, observeActions } from '../recording/actions/scene.ts';
import { fiveClientsNeed, recordFiveClients, words } from '../recording/five-clients.ts';
import { recordsOf, stanzasOf } from '../recording/recordings.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const messages = 2;
const policies = ['passthrough', 'balanced', 'strict'];

describeWithPeers(prosody.needs, 'recordings of real clients', () => {
  let server: PeerServer;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
    // One of the clients has only PLAIN.
    server = await prosody.start({ plain: true, uploads: true });
  });
  afterAll(async () => {
    await server?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  describeWithPeers(fiveClientsNeed, 'five libraries', () => {
    it.each(policies)('under %s are all recorded, and none of their values', async (policy) => {
      const file = await recordFiveClients({ server, policy, folder: folder.path, messages });
      const text = readFileSync(file, 'utf8');
      const values = [
        ...Object.values(words),
        'juliet',
        'romeo',
        'capulet',
        'slixmpp',
        'aioxmpp',
        'localhost',
      ];
      for (const value of values) expect([value, text.includes(value)]).toEqual([value, false]);
      const records = await recordsOf(file);
      const stanzas = stanzasOf(records);
      const bodies = stanzas.filter(({ xml }) => xml?.includes('<body>'));
      const sent = bodies.filter(({ direction }) => direction === 'to-gatekeeper');
      const writing = [...Map.groupBy(sent, ({ session }) => session).values()];
      expect(writing.map(({ length }) => length)).toEqual(Array<number>(clients.length).fill(messages));
      // go-sendxmpp reads in one session and writes in another, which the server sends a copy.
      expect(bodies.length - sent.length).toBeGreaterThanOrEqual(clients.length * messages);
      const buckets = { passthrough: 1, balanced: 1_024, strict: 4_096 }[policy]!;
      expect(sent.filter(({ forwarded }) => forwarded % buckets !== 0)).toEqual([]);
      expect(records.at(-1)).toMatchObject({ kind: 'end', reason: 'stopped', stanzas: stanzas.length });
    });
  });

  describe.each(policies)('actions under %s', (policy) => {
    const [kind] = stanzaClients;
    it('leave a trace, or none where the policy drops them', async () => {
      const count = 2;
      const random = new Random(1);
      const { samples } = await observeActions({ server, kind, policy, folder: folder.path, count, random });
      for (const view of ['before', 'after'] as const) {
        const counts = Map.groupBy(samples[view], ({ action }) => action);
        expect([...counts.keys()].toSorted()).toEqual(actionNames.toSorted());
        for (const [action, list] of counts) expect([action, list.length]).toEqual([action, count]);
      }
      expect(recognitionOf(samples.before).traced).toBe(1);
      const untraced = samples.after.filter(({ features }) => features === undefined);
      // Receipts and markers follow a message, which is seen. In the time of a dropped action, an answer that was delayed may
      // come, so it may have a trace.
      const mayBe = dropped[policy]!.includes('typing') ? ['typing'] : [];
      expect(untraced.filter(({ action }) => !mayBe.includes(action))).toEqual([]);
    });
  });
});
