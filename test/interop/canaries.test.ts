/** `narthex audit canaries` against a deployment: Prosody, a proxy as a process, two test accounts. */
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { narthex, printedJson } from '../cli/narthex.ts';
import { startProsody } from '../peers/prosody.ts';
import { describeWithPeers } from '../peers/require.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { serveProcess } from '../support/serve-process.ts';
import { temporaryFolder } from '../support/temporary.ts';

interface PrintedReport {
  readonly leaks: readonly { readonly place: string; readonly field: string; readonly direction: string }[];
  readonly places: readonly { readonly place: string; readonly bytes: number }[];
  readonly skipped: readonly { readonly place: string }[];
  readonly canaries: readonly {
    readonly field: string;
    readonly direction: string;
    readonly sending: string;
    readonly verdicts: Readonly<Record<string, string>>;
  }[];
}

const timeoutMs = 300_000;

/** A deployment in a folder, with everything that the command needs to know of it. */
async function deployment(policy: string) {
  const server = await startProsody();
  const folder = await temporaryFolder();
  const authority = createDevelopmentAuthority();
  const pair = authority.issue(['localhost']);
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  await folder.write('ledger/.keep', '');
  const proxy = await serveProcess({
    node: ['--inspect=127.0.0.1:0', '--zero-fill-buffers', '--heap-snapshot-string-limit=1000000'],
    files: {
      'a.crt': pair.certificate,
      'a.key': pair.key,
      'gatekeeper-ca.crt': server.certificates.authority,
      'ledger.pem': pem,
    },
    config: {
      certificates: [{ certFile: 'a.crt', keyFile: 'a.key' }],
      domains: [{ domain: 'localhost', gatekeeper: 'prosody' }],
      gatekeepers: [
        {
          name: 'prosody',
          connect: { address: `127.0.0.1:${server.ports.direct}`, tls: 'direct' },
          caFile: 'gatekeeper-ca.crt',
        },
      ],
      policy: { file: policy },
      ledger: { recordsFolder: join(folder.path, 'ledger'), keyFile: 'ledger.pem', intervalMs: 1_000 },
      admin: { host: '127.0.0.1', port: await freePort() },
      log: { level: 'debug', unauthenticatedLinesPerSecondMax: 0 },
    },
  });
  const log = join(folder.path, 'narthex.log');
  proxy.child.stdout!.pipe(createWriteStream(log));
  const port = Number(proxy.log.find(({ event }) => event === 'listener.opened')!['port']);
  const options = {
    config: join(proxy.folder, 'narthex.yaml'),
    account: 'juliet@localhost',
    'password-file': await folder.write('juliet', `${server.accounts['juliet']}\n`),
    contact: 'romeo@localhost',
    'contact-password-file': await folder.write('romeo', `${server.accounts['romeo']}\n`),
    connect: `127.0.0.1:${port}`,
    ca: await folder.write('ca.crt', authority.certificate),
    log,
    inspector: /ws:\/\/\S+/.exec(proxy.printed())![0],
    pid: String(proxy.child.pid),
  };
  return {
    args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    log,
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      await server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describeWithPeers(['prosody'], 'canaries through a deployment', () => {
  it(
    'are nowhere but where its policy says, heap included',
    async () => {
      await using deployed = await deployment('balanced');
      const ran = await narthex(['audit', 'canaries', ...deployed.args, '--format', 'json']);
      const report = printedJson(ran) as PrintedReport;
      expect([report.leaks, ran.exit, ran.stderr.includes('ERR_')]).toEqual([[], 0, false]);
      const searched = report.places.filter(({ bytes }) => bytes > 100).map(({ place }) => place);
      expect(searched).toEqual(expect.arrayContaining(['gatekeeper', 'client', 'output', 'metrics', 'ledger', 'admin', 'heap', 'buffers'])); // prettier-ignore
      expect(report.skipped.map(({ place }) => place)).toEqual(expect.arrayContaining(['provider', 'traces', 'crash'])); // prettier-ignore
      const sent = report.canaries.filter(({ sending }) => sending === 'sent');
      expect(sent.length).toBeGreaterThan(220);
      const count = (place: string, verdict: string): number =>
        sent.filter(({ verdicts }) => verdicts[place] === verdict).length;
      expect(count('gatekeeper', 'shown')).toBeGreaterThan(60);
      expect(count('client', 'shown')).toBeGreaterThan(90);
      // The proxy was in between: its log has the sessions.
      expect(await readFile(deployed.log, 'utf8')).toContain('session.closed');
    },
    timeoutMs,
  );

  it(
    'are found where the deployment shows what it must not',
    async () => {
      await using deployed = await deployment('passthrough');
      const args = [...deployed.args, '--expect', 'strict', '--format', 'json'];
      const ran = await narthex(['audit', 'canaries', ...args]);
      const { leaks } = printedJson(ran) as PrintedReport;
      const fields = new Set(leaks.map(({ place, field, direction }) => `${place} ${field} ${direction}`));
      for (const field of ['chat-state', 'time.idle', 'pep.geoloc', 'roster.name', 'call.host-candidate'])
        expect(fields).toContain(`gatekeeper ${field} to-gatekeeper`);
      expect([ran.exit, ran.stderr.includes('ERR_CANARY_LEAK')]).toEqual([1, true]);
      expect(leaks.filter(({ place }) => place !== 'gatekeeper' && place !== 'client')).toEqual([]);
    },
    timeoutMs,
  );
});
