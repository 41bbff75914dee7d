/** What a running proxy says that each audience was shown: the numbers of GET /api/exposure. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exposureDocument, type ExposureDocument, type ExposureRow } from '../../src/http/admin/exposure.ts';
import { sendPresencesFrom, startPresenceProxy, status, statusPolicy } from '../support/presences.ts';
import type { TestProxy } from '../support/proxy.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const statusBytes = status.length;

function read(proxy: TestProxy): ExposureDocument {
  const text = JSON.stringify(proxy.proxy.exposure());
  // No value, account or address of a client.
  expect(text).not.toMatch(/canary|juliet|127\.0\.0\.1/);
  return exposureDocument.parse(JSON.parse(text));
}

const statusRows = ({ rows }: ExposureDocument): ExposureRow[] =>
  rows.filter(({ field, audience }) => field === 'presence.status' && audience === 'gatekeeper');

it('counts decisions and sessions of the policy and of its shadow, and says what is in force', async () => {
  const file = await folder.write('policy.yaml', statusPolicy('keep'));
  const shadow = await folder.write('shadow.yaml', statusPolicy('drop'));
  await using proxy = await startPresenceProxy({ policy: file, shadow });
  await sendPresencesFrom(proxy, 3, 4);
  const document = read(proxy);
  const figures = {
    sinceStart: { count: 12, bytes: 12 * statusBytes, sessionsAtLeast: 3, sessionsAtMost: 3 },
    interval: { count: 12, bytes: 12 * statusBytes, sessions: 3 },
  };
  const where = { gatekeeper: 'test', audience: 'gatekeeper', field: 'presence.status', namespace: null };
  expect(statusRows(document)).toEqual([
    { ...where, treatment: 'drop', mode: 'shadow', policy: 'ours-drop', ...figures },
    { ...where, treatment: 'keep', mode: 'enforced', policy: 'ours-keep', ...figures },
  ]);
  const { digests } = proxy.proxy.policies;
  expect(document.inForce).toEqual([
    {
      gatekeeper: 'test',
      state: 'loaded',
      policy: { name: 'ours-keep', mode: 'enforce' },
      policyDigest: digests.policyDigest,
      share: [],
      shadow: { name: 'ours-drop', digest: digests.shadowDigest },
      catalogueDigest: digests.catalogueDigest,
      profilesDigest: null,
    },
  ]);
  expect(document.ledger).toBeNull();
});

it('with a ledger has its head, and an interval that ends with another policy', async () => {
  const records = join(folder.path, 'records');
  await mkdir(records);
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyFile = await folder.write('ledger.pem', key);
  const file = await folder.write('policy.yaml', statusPolicy('drop'));
  await using proxy = await startPresenceProxy({
    policy: file,
    ledger: { recordsFolder: records, keyFile, intervalMs: 3_600_000 },
  });
  await sendPresencesFrom(proxy, 2, 2);
  const before = read(proxy);
  await folder.write('policy.yaml', statusPolicy('keep'));
  await proxy.proxy.refresh();
  await eventually(() => proxy.policy.some((line) => line.includes('ours-keep')));
  await sendPresencesFrom(proxy, 1, 3);
  const after = read(proxy);
  expect(statusRows(after).map(({ policy: by, sinceStart, interval }) => [by, sinceStart, interval])).toEqual(
    [
      [
        'ours-drop',
        { count: 4, bytes: 4 * statusBytes, sessionsAtLeast: 2, sessionsAtMost: 2 },
        { count: 0, bytes: 0, sessions: 0 },
      ],
      [
        'ours-keep',
        { count: 3, bytes: 3 * statusBytes, sessionsAtLeast: 1, sessionsAtMost: 1 },
        { count: 3, bytes: 3 * statusBytes, sessions: 1 },
      ],
    ],
  );
  expect(after.interval.from >= before.at).toBe(true);
  expect(after.build).toEqual(before.build);
  expect(after.ledger).toMatchObject({ failing: null });
  expect(after.ledger!.n).toBeGreaterThanOrEqual(before.ledger!.n);
});
