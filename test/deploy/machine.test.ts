/** The ways to run the proxy on a machine of one's own: the systemd unit and the compose file. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configSchema } from '../../src/config/schema.ts';
import { exitCodes } from '../../src/errors/exit.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
};
/** Milliseconds that the proxy takes to drain unless narthex.yaml says otherwise. */
const drainMs = configSchema.shape.timeouts.parse({}).drainMs;

describeWithPeers(['systemd-analyze'], 'the systemd unit', () => {
  const unit = join(root, 'deploy/systemd/narthex.service');
  const text = readFileSync(unit, 'utf8');
  const setting = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];

  it('is one that systemd understands', async () => {
    const { stderr } = await run(programs.systemdAnalyze, ['verify', '--man=no', unit]);
    expect(stderr).not.toContain('narthex.service:');
  });

  it('is as closed as systemd can make it but for what it serves with', async () => {
    const { stdout } = await run(programs.systemdAnalyze, ['security', '--offline=true', '--no-pager', unit]);
    const [, exposure] = /exposure level for narthex\.service: ([\d.]+)/.exec(stdout)!;
    expect(Number(exposure)).toBeLessThan(2);
  });

  it('gives the proxy the time to drain', () => {
    expect(setting('KillSignal')).toBe('SIGTERM');
    expect(Number(setting('TimeoutStopSec')) * 1_000).toBeGreaterThan(2 * drainMs);
  });

  it('does not start again with a wrong configuration: its main process ends with the code that says so', () => {
    expect(setting('RestartPreventExitStatus')?.split(' ')).toContain(String(exitCodes.config));
    // The exit status of another command than the main one does not count (systemd.service(5)).
    expect(setting('ExecStartPre')).toBeUndefined();
  });

  it('runs as the user that the sysusers file makes', () => {
    const line = readFileSync(join(root, 'deploy/systemd/narthex.sysusers.conf'), 'utf8')
      .trim()
      .split('\n')
      .at(-1)!;
    expect(line.split(' ').slice(0, 2)).toEqual(['u', setting('User')]);
  });
});

describeWithPeers(['docker-compose'], 'the compose file', () => {
  const file = join(root, 'deploy/compose/compose.yaml');
  const { services } = parse(readFileSync(file, 'utf8')) as {
    readonly services: Readonly<Record<'narthex', Readonly<Record<string, unknown>>>>;
  };
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'narthex-compose-'));
    await mkdir(join(folder, 'proxy'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is one that Docker Compose understands', async () => {
    await expect(run(programs.dockerCompose, ['--file', file, 'config', '--quiet'])).resolves.toBeDefined();
  });

  it('is refused by Docker Compose with a key it does not know', async () => {
    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, readFileSync(file, 'utf8').replace('read_only: true', 'readonly_root: true'));
    await expect(run(programs.dockerCompose, ['--file', wrong, 'config', '--quiet'])).rejects.toThrow(
      'readonly_root',
    );
  });

  it('runs the image of this version as the image does: no root, no writable file system, no capability', () => {
    expect(services.narthex).toMatchObject({
      image: `narthex:${version}`,
      user: /^USER (\S+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))![1],
      read_only: true,
      cap_drop: ['ALL'],
    });
  });

  it('gives the proxy the time to drain', () => {
    const [, seconds] = /^(\d+)s$/.exec(String(services.narthex['stop_grace_period']))!;
    expect(Number(seconds) * 1_000).toBeGreaterThan(2 * drainMs);
  });
});
