/** Commands that start parties on this machine, ended by a signal: no file and no process of theirs is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { root } from '../cli/narthex.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Returns the ids of processes whose command line has the text. */
async function processesWith(text: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return ids.filter((_, index) => lines[index]!.includes(text));
}

/** Resolves when a command has gone so far that it is to be ended. */
type Moment = (folder: string, child: ChildProcess) => Promise<unknown>;

const often = { timeout: 60_000, interval: 5 };

const folderMade: Moment = (folder) => vi.waitUntil(async () => (await readdir(folder)).length > 0, often);

const proxyStarting: Moment = (folder) =>
  vi.waitUntil(async () => (await processesWith(folder)).length > 0, { ...often, interval: 50 });

/** The first step that it prints is that of sending. */
const sending: Moment = (_, { stderr }) => once(stderr!, 'data');

const { PATH, NODE_COMPILE_CACHE = '' } = process.env;
const canaries = ['audit', 'canaries'];
const demo = ['demo', '--port', '0', '--tls-port', '0', '--http-port', '0'];

describe.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a command that is ended by %s', (signal, exit) => {
  it.each<[string, readonly string[], number, Moment]>([
    ['canaries with only their folder', canaries, exit, folderMade],
    ['canaries with a proxy that starts', canaries, exit, proxyStarting],
    ['canaries being sent', canaries, exit, sending],
    ['a demo with only its folder', demo, 1, folderMade],
  ])(
    'leaves nothing of %s',
    async (_, args, expected, moment) => {
      await using folder = await temporaryFolder();
      const child = spawn(process.execPath, [join(root, 'src/cli/narthex.js'), ...args], {
        env: { PATH, NODE_COMPILE_CACHE, TMPDIR: folder.path },
      });
      const closed = once(child, 'close');
      await moment(folder.path, child);
      child.kill(signal);
      await closed;
      expect(child.exitCode).toBe(expected);
      expect(await readdir(folder.path)).toEqual([]);
      // A killed process can be there for a moment more.
      await expect.poll(() => processesWith(folder.path), { timeout: 20_000 }).toEqual([]);
    },
    120_000,
  );
});
