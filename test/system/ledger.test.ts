/** The exposure ledger of a running proxy: what is recorded, a policy that changes, a killed process, a full disk. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLedger } from '../../src/app/tools/ledger.ts';
import { listLedgerFiles } from '../../src/ledger/files.ts';
import { splitLines } from '../../src/ledger/lines.ts';
import { sendPresencesFrom, startPresenceProxy, status, statusPolicy } from '../support/presences.ts';
import { connectRaw } from '../support/raw-client.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const whole = { range: { from: 0, to: Infinity } };

let folder: TemporaryFolder;
let records: string;
let keyFile: string;
let publicKeyFile: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  records = join(folder.path, 'records');
  await mkdir(records);
  keyFile = await folder.write('ledger.pem', pem);
  publicKeyFile = await folder.write(
    'public.pem',
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  );
});
afterEach(() => folder[Symbol.asyncDispose]());

const read = () => readLedger({ folder: records, keyFile: publicKeyFile, summaries: [whole] });

describe('a proxy with a ledger', () => {
  const start = (file: string) =>
    startPresenceProxy({
      policy: file,
      ledger: { recordsFolder: records, keyFile, intervalMs: 3_600_000 },
    });

  it('records what each audience was shown, how often, in how many sessions, under which policy', async () => {
    const file = await folder.write('policy.yaml', statusPolicy('drop'));
    await using proxy = await start(file);
    await sendPresencesFrom(proxy, 3, 4);
    await proxy.proxy.close(0);
    const { verification, summaries } = await read();
    expect(verification.findings).toEqual([]);
    expect(verification.streams).toMatchObject([{ isClosed: true, tornBytes: 0 }]);
    expect(summaries[0]!.inForce).toMatchObject([
      { gatekeeper: 'test', policy: 'ours-drop', mode: 'enforce' },
    ]);
    expect(summaries[0]!.rows).toContainEqual({
      gatekeeper: 'test',
      audience: 'gatekeeper',
      field: 'presence.status',
      treatment: 'drop',
      mode: 'enforced',
      count: 12,
      bytes: 12 * status.length,
      sessionsAtLeast: 3,
      sessionsAtMost: 3,
    });
  });

  it('ends an interval when another policy comes into force', async () => {
    const file = await folder.write('policy.yaml', statusPolicy('drop'));
    await using proxy = await start(file);
    await sendPresencesFrom(proxy, 1, 2);
    await folder.write('policy.yaml', statusPolicy('keep'));
    await proxy.proxy.refresh();
    await eventually(() => proxy.policy.some((line) => line.includes('ours-keep')));
    await sendPresencesFrom(proxy, 1, 5);
    await proxy.proxy.close(0);
    const digestOf = async (name: string): Promise<string> =>
      (await read()).summaries[0]!.inForce.find((each) => each.policy === name)!.policyDigest;
    const digests = [await digestOf('ours-drop'), await digestOf('ours-keep')];
    const { summaries } = await readLedger({
      folder: records,
      keyFile: publicKeyFile,
      summaries: digests.map((policyDigest) => ({ ...whole, policyDigest })),
    });
    const counted = summaries.map(({ rows }) =>
      rows
        .filter(({ field, audience }) => field === 'presence.status' && audience === 'gatekeeper')
        .map(({ treatment, count }) => [treatment, count]),
    );
    expect(counted).toEqual([[['drop', 2]], [['keep', 5]]]);
  });
});

/** Returns the kinds of all records, stream by stream. */
async function kinds(): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of await listLedgerFiles(records))
    for await (const line of splitLines(createReadStream(join(records, name))))
      if (line.endsWith('\n')) found.push((JSON.parse(line) as { kind: string }).kind);
  return found;
}

const serve = (ledger: Record<string, unknown> = {}): Promise<ServeProcess> =>
  serveProcess({
    config: { ledger: { recordsFolder: records, keyFile, intervalMs: 1_000, ...ledger } },
  });

describe('narthex serve with a ledger', () => {
  it('killed at any moment loses nothing that was written, and the next process names its end', async () => {
    for (let round = 0; round < 2; round += 1) {
      const proxy = await serve();
      proxy.child.kill('SIGKILL');
      await proxy.stop();
    }
    const proxy = await serve();
    expect(await proxy.stop()).toBe(0);
    const { verification } = await read();
    expect(verification.findings).toEqual([]);
    expect(verification.streams.filter(({ isClosed }) => isClosed)).toHaveLength(1);
    expect(verification.streams).toHaveLength(3);
  });

  it.each([
    ['ERR_LEDGER_KEY_INVALID', { keyFile: import.meta.filename }],
    ['ERR_LEDGER_UNWRITABLE', { recordsFolder: '/proc/self/nowhere' }],
  ])('does not start with %s', async (code, section) => {
    await expect(serve(section)).rejects.toThrow(code);
  });

  // A file system of a few pages stands for a full disk. Only root can mount one.
  it.runIf(process.getuid?.() === 0)(
    'on a full disk refuses new sessions as configured, recovers without a restart, and has the gap on record',
    async () => {
      let proxy: ServeProcess | undefined;
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', records]);
      try {
        await writeFile(join(records, 'filler'), Buffer.alloc(1_048_576)).catch(() => {});
        await rm(join(records, 'filler'));
        proxy = await serve({ whenItFails: 'refuse-new-sessions' });
        const { log, adminPort, ca } = proxy;
        await writeFile(join(records, 'filler'), Buffer.alloc(1_048_576)).catch(() => {});
        const metric = async (name: string): Promise<number> => {
          const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
          return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
        };
        await eventually(() => log.some(({ event }) => event === 'ledger.failed'), 20_000);
        expect(await metric('narthex_ledger_failing')).toBe(1);
        expect(log.find(({ event }) => event === 'ledger.failed')).toMatchObject({ errno: 'enospc' });
        const port = Number(log.find(({ event }) => event === 'listener.opened')!['port']);
        const refused = connectRaw(port, ca, { servername: 'proxy.example' });
        await refused.closed;
        await eventually(() =>
          log.some(({ event, code }) => event === 'session.refused' && code === 'ERR_OVERLOAD'),
        );
        await rm(join(records, 'filler'));
        await eventually(() => log.some(({ event }) => event === 'ledger.recovered'), 20_000);
        expect(await metric('narthex_ledger_failing')).toBe(0);
        expect(await proxy.stop()).toBe(0);
        expect(await kinds()).toContain('gap');
        expect((await read()).verification.findings).toEqual([]);
      } finally {
        proxy?.child.kill('SIGKILL');
        execFileSync('umount', ['--lazy', records]);
      }
    },
  );
});
