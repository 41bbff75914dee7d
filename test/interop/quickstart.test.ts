/** The quickstart pages, from the first command to the last, as a reader runs them: the blocks of a page in one shell. Only
 *  what a page declares as its variables has other values here: a folder, and ports that are free. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../../src/app/demo/free-port.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers, type PeerName } from '../peers/require.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = join(import.meta.dirname, '../..');

interface Block {
  /** Word after the language: `install`, `variables` or nothing. */
  readonly kind: string;
  readonly text: string;
}

function blocksOf(page: string): readonly Block[] {
  const found = page.matchAll(/\n```sh(?: (\w+))?\n([^]*?)```\n/g);
  return [...found].map(([, kind = '', text]) => ({ kind, text: text! }));
}

/** The variables of a page with values for this run. @throws where the page declares one that is neither */
async function assigned(declarations: string, folder: string): Promise<string> {
  const lines: string[] = [];
  const ports = await freePorts(declarations.match(/_PORT=/g)?.length ?? 0);
  for (const line of declarations.trim().split('\n')) {
    const name = /^export (\w+)=\S+$/.exec(line)?.[1] ?? '';
    if (name === 'FOLDER') lines.push(`export FOLDER='${folder}'`);
    else if (name.endsWith('_PORT')) lines.push(`export ${name}=${ports.pop()}`);
    else throw new Error(`the page declares what is no folder and no port: ${line}`);
  }
  return lines.join('\n');
}

interface Ended {
  readonly exit: number | null;
  readonly output: string;
  readonly seconds: number;
}

const patienceMs = 220_000;

/** Runs a script to its end. What it has left running is ended too: it is a process group of its own. */
async function shell(script: string, home: string): Promise<Ended> {
  const started = performance.now();
  const child = spawn(programs.bash, ['--norc', '-eu', '-o', 'pipefail', '-c', script], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const timer = setTimeout(() => child.kill('SIGTERM'), patienceMs);
  const [exit] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  const seconds = (performance.now() - started) / 1_000;
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // The page has stopped all that it has started.
  }
  return { exit, output, seconds };
}

/** Files of a folder, to be read before the page removes it. */
const showLogs = 'trap \'tail -n 30 "$FOLDER"/*.log "$FOLDER"/*.out 2> /dev/null || true\' EXIT';

const pages: readonly { readonly page: string; readonly server: PeerName }[] = [
  { page: 'quickstart-prosody.md', server: 'prosody' },
  { page: 'quickstart-ejabberd.md', server: 'ejabberd' },
];

for (const { page, server } of pages) {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const blocks = blocksOf(text);
  const [install, variables] = ['install', 'variables'].map((kind) =>
    blocks
      .filter((block) => block.kind === kind)
      .map((block) => block.text)
      .join('\n'),
  );

  describeWithPeers([server, 'go-sendxmpp', 'bash'], page, () => {
    it('leads from nothing to a message', async () => {
      await using home = await temporaryFolder();
      const steps = blocks.filter(({ kind }) => kind === '').map((block) => block.text);
      const settings = await assigned(variables!, join(home.path, 'quickstart'));
      const { exit, output, seconds } = await shell([settings, showLogs, ...steps].join('\n'), home.path);
      expect(output).toContain('the configuration is valid');
      const message = output.split('\n').find((line) => line.includes('Wherefore art thou Romeo')) ?? output;
      expect(exit, output).toBe(0);
      // Romeo's server has seen a pseudonym, and not what the client asked for.
      expect(message).toMatch(/from=['"]juliet@localhost\/[\w-]{20,}['"]/);
      expect(message).not.toContain('go-sendxmpp');
      expect(output).toMatch(/^narthex_policy_decisions_total\{.*bind\.resource.*pseudonymise.*\} [1-9]/m);
      // The page cleans up.
      expect(await readdir(home.path)).not.toContain('quickstart');
      console.log(`${page}: from nothing to a message, and all stopped again, in ${seconds.toFixed(1)} s`);
    });
  });

  describe(`${page}, its text`, () => {
    it('installs what continuous integration installs too', () => {
      const packages = /apt-get install (.+)/.exec(install!)![1]!.split(' ');
      const installed = readFileSync(join(root, '.ci/run'), 'utf8');
      for (const name of packages) expect(installed).toMatch(new RegExp(`^ {2}${name}$`, 'm'));
      expect(packages).toContain(server);
    });

    it('uses each variable that it declares, and writes no port and no path of its own', () => {
      const names = [...variables!.matchAll(/^export (\w+)=(\S+)$/gm)];
      expect(names).toHaveLength(variables!.trim().split('\n').length);
      const steps = blocks
        .filter(({ kind }) => kind === '')
        .map((block) => block.text)
        .join('\n');
      for (const [, name, value] of names) {
        expect(steps).toContain(`$${name}`);
        expect(steps).not.toContain(value!);
      }
      expect(steps.match(/\b\d{4,5}\b/g)).toBeNull();
      expect(steps.match(/(?<=[\s"'=])\/(?!dev\/|usr\/sbin\/)[\w/]+/g)).toBeNull();
    });
  });
}
