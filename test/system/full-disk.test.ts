import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { retried } from '../support/wait.ts';

const launcher = join(import.meta.dirname, '../../src/cli/main.ts');

/** Every write to it fails as on a full disk. */
const fullDisk = (): number => openSync('/dev/full', 'w');

const message = (systemCode: string): string =>
  `narthex: error ERR_OUTPUT: standard output cannot be written (${systemCode})\n` +
  '    Free space on its disk, or direct it elsewhere.\n';

it('serve goes on without its log lines, reports it once, and counts it', async () => {
  await using folder = await temporaryFolder();
  const pair = createAuthority().issue({ dns: ['chat.example'] });
  await folder.write('tls.crt', pair.cert);
  await folder.write('tls.key', pair.key);
  const port = await freePort();
  const config = await folder.write(
    'narthex.yaml',
    JSON.stringify({
      apiVersion: 'narthex/v1',
      kind: 'Proxy',
      listeners: [{ name: 'clients', host: '127.0.0.1', port: 0, tls: 'direct' }],
      certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
      domains: [{ domain: 'chat.example', gatekeeper: 'test' }],
      gatekeepers: [{ name: 'test', connect: { address: '127.0.0.1:9', tls: 'direct' } }],
      admin: { host: '127.0.0.1', port },
    }),
  );
  const child = spawn(process.execPath, [launcher, 'serve', config], {
    stdio: ['ignore', fullDisk(), 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const fetched = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  };
  await retried(20_000, () => fetched('/readyz'));
  expect(await fetched('/metrics')).toMatch(/^narthex_log_failures_total 1$/m);
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expect(errors).toBe(message('ENOSPC'));
});

it.each([['schema'], ['policy', 'fields'], ['--help']])('%s ends with one error', (...args) => {
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    stdio: ['ignore', fullDisk(), 'pipe'],
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([74, message('ENOSPC')]);
});

it.each([
  ['demo', '--once', '--port', '0', '--tls-port', '0', '--http-port', '0'],
  ['audit', 'canaries'],
])('%s ends with one error where temporary files cannot be written', async (...args) => {
  await using folder = await temporaryFolder();
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    env: { ...process.env, TMPDIR: join(folder.path, 'missing') },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  expect(stderr).toBe(
    `narthex: error ERR_TEMPORARY_FILE: ${folder.path}/missing/narthex-demo-* cannot be written (ENOENT)\n` +
      '    Free space on the disk, or name another folder in the environment variable TMPDIR.\n',
  );
  expect(status).toBe(73);
});
