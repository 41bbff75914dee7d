import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { juliet } from '../../src/simulator/story/cast.ts';
import { narthex, root } from '../cli/narthex.ts';

type Ran = Awaited<ReturnType<typeof narthex>>;

const folder = mkdtempSync(join(tmpdir(), 'narthex-demo-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const demo = (...more: string[]): Promise<Ran> =>
  narthex(['demo', '--once', '--port', '0', '--tls-port', '0', '--http-port', '0', ...more], {
    folder,
    environment: { TMPDIR: folder, NO_COLOR: '1' },
  });

/** A line without what is different in every run: ports, keys, ids, sizes, and the fingerprints of this machine. */
function normal(line: string): string {
  return line
    .trimEnd()
    .replaceAll(/[\w+/=~-]*… \(\d+ characters\)/g, '…')
    .replaceAll(/(?<=127\.0\.0\.1:)\d+/g, 'port')
    .replaceAll(/\d+(?= bytes| after)/g, 'n')
    .replaceAll(/(?<="(?:id|recipient)": ")[^"]*/g, '…')
    .replace(/(?<=ownership-nonce: ).*/, '…')
    .replace(/(?<=✓ the fingerprint of her TLS: JA4 |✓ and of her TCP: ).*/, '…');
}

/** The lines of README's excerpt; `…` alone stands for what is left out. */
function excerpt(): string[] {
  const page = readFileSync(join(root, 'README.md'), 'utf8');
  const [, shown] = /\n```\n([^`]*✓[^`]*)\n```\n/.exec(page)!;
  return shown!.split('\n').filter((line) => line.trim() !== '…' && line.trim() !== '');
}

describe("README's first command", () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await demo();
  });

  it('prints the story, and that every statement held', () => {
    expect([ran.exit, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toMatch(/\n✓ (\d+) of \1 statements held, [^\n]+\n$/);
    expect(ran.stdout).not.toContain('✗');
    for (const act of ['opts in', 'connects, and says', 'sends Romeo a picture', 'is away'])
      expect(ran.stdout).toMatch(new RegExp(`\\nJuliet ${act}[^\\n]*\\n─+\\n`));
  });

  it('prints the lines that README shows, in that order', () => {
    const printed = ran.stdout.split('\n').map(normal);
    let from = 0;
    const missing = excerpt().filter((line) => {
      const at = printed.indexOf(normal(line), from);
      if (at !== -1) from = at + 1;
      return at === -1;
    });
    expect(missing).toEqual([]);
    expect(excerpt().length).toBeGreaterThan(10);
  });

  it('leaves nothing on disk', () => {
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is plain text of at most 110 columns', () => {
    expect(ran.stdout).not.toContain('\u001b');
    expect(ran.stdout.split('\n').filter((line) => [...line].length > 110)).toEqual([]);
  });

  it('prints no secret beyond its first characters', () => {
    expect(ran.stdout).not.toMatch(/eyJ[\w-]{40}/);
    expect(ran.stdout).not.toMatch(/[\w-]{60}/);
    expect(ran.stdout).not.toContain('PRIVATE');
    expect(ran.stdout).not.toContain(juliet.password);
    expect(ran.stdout).not.toContain(Buffer.from(juliet.password).toString('base64').slice(0, -2));
  });
});

describe('the story over the chat channel', () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await demo('--protocol', 'chat-channel');
  });

  it('prints that every statement held, in the same acts, and leaves nothing on disk', () => {
    expect([ran.exit, ran.stderr, readdirSync(folder)]).toEqual([0, '', []]);
    expect(ran.stdout).toMatch(/\n✓ (\d+) of \1 statements held, [^\n]+\n$/);
    for (const act of ['opts in', 'connects, over TLS', 'sends Romeo a picture', 'is away'])
      expect(ran.stdout).toMatch(new RegExp(`\\nJuliet ${act}[^\\n]*\\n─+\\n`));
  });

  it('shows the XML of her app, and the node that arrived', () => {
    expect(ran.stdout).toMatch(/\n {4}- <iq id='balcony-pixel8-1' [^\n]*\n {4}\+ <iq id='(?!balcony)/);
    expect(ran.stdout).toMatch(/\n {4}- {3}<composing\/>\n {4}- <\/chatstate>\n {6}nothing arrived\n/);
  });

  it('is plain text of at most 110 columns, without a secret', () => {
    expect(ran.stdout).not.toContain('\u001b');
    expect(ran.stdout.split('\n').filter((line) => [...line].length > 110)).toEqual([]);
    expect(ran.stdout).not.toMatch(/eyJ[\w-]{40}/);
    expect(ran.stdout).not.toMatch(/[\w-]{60}/);
    expect(ran.stdout).not.toContain(juliet.password);
  });
});

describe('a policy that shows too much', () => {
  it('ends with 1, each untrue statement marked', async () => {
    const { exit, stdout } = await demo('--policy', 'passthrough');
    expect(exit).toBe(1);
    expect(stdout).toContain('✗ what she is doing stays with her');
    expect(stdout).toMatch(/\n✗ \d+ of \d+ statements held/);
  });
});

describe('a demo that cannot start', () => {
  it.each([
    [['--port', 'abc'], 64, /ERR_USAGE: .*A port is a number/],
    [['--http-port', '65536'], 64, /ERR_USAGE: .*A port is a number/],
    [['--policy', './none.yaml'], 78, /ERR_CONFIG_POLICY/],
    [['--protocol', 'smtp'], 64, /ERR_USAGE: .*Allowed choices are xmpp, chat-channel/],
  ])('prints the reason, and leaves nothing on disk: %j', async (args, exit, stderr) => {
    const ran = await demo(...args);
    expect(ran.stderr).toMatch(stderr);
    expect([ran.exit, ran.stdout, readdirSync(folder)]).toEqual([exit, '', []]);
  });
});

describe('a demo that is stopped', () => {
  const start = (...more: string[]) =>
    spawn(
      process.execPath,
      [join(root, 'src/cli/main.ts'), 'demo', '--port', '0', '--tls-port', '0', '--http-port', '0', ...more],
      { env: { PATH: process.env['PATH'], TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] },
    );

  it.each([
    ['in the middle of the story', / 3 {2}Juliet enlists/, 1],
    ['by a visitor, afterwards', /Ctrl-C ends it/, 0],
  ])('leaves nothing on disk: %s', async (_, when, exit) => {
    const child = start();
    let printed = '';
    await new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if (when.test(printed)) resolve();
      });
    });
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect([code, readdirSync(folder)]).toEqual([exit, []]);
  });

  it('leaves nothing on disk when its output is closed', async () => {
    const child = start('--once');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await once(child, 'exit');
    expect(readdirSync(folder)).toEqual([]);
  });
});
