import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { describe, expect, it, vi } from 'vitest';
import { report, reportFailure } from '../../src/cli/report.ts';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.ts';
import { ListenError } from '../../src/http/server/listen-error.ts';
import { SetupError } from '../../src/transport/error.ts';

function output(extra: object = {}): { stream: PassThrough; text: () => string } {
  const stream = Object.assign(new PassThrough(), extra);
  return { stream, text: () => String(stream.read() ?? '') };
}

const bug = { severity: 'error', code: 'ERR_X', message: 'it broke', remedy: 'Mend it.' } as const;

describe('an error', () => {
  it('is one line with its remedy below', () => {
    const { stream, text } = output();
    report({ ...bug, place: 'narthex.yaml:3:1' }, stream);
    expect(text()).toBe('narthex.yaml:3:1: error ERR_X: it broke\n    Mend it.\n');
  });

  it('of the program itself has no place', () => {
    const { stream, text } = output();
    report({ severity: 'warning', code: 'ERR_X', message: 'careful' }, stream);
    expect(text()).toBe('narthex: warning ERR_X: careful\n');
  });

  it('breaks a long remedy into lines', () => {
    const { stream, text } = output();
    report({ ...bug, remedy: 'word '.repeat(60).trim() }, stream);
    const lines = text().split('\n').slice(1, -1);
    expect(lines.join(' ').match(/word/g)).toHaveLength(60);
    for (const line of lines) expect(line).toMatch(/^ {4}\S.{0,95}$/);
  });
});

describe('colour', () => {
  // What Node asks a terminal: how many colours it has, which is where NO_COLOR counts.
  const terminal = { isTTY: true, getColorDepth: () => WriteStream.prototype.getColorDepth() };

  function coloured(environment: Record<string, string>, extra: object = terminal): boolean {
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI', 'TERM', 'COLORTERM', 'TMUX'])
      vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const { stream, text } = output(extra);
    report(bug, stream);
    vi.unstubAllEnvs();
    return text().includes('\u001B[');
  }

  it('is for terminals', () => {
    expect(coloured({ TERM: 'xterm-256color' })).toBe(true);
    expect(coloured({ TERM: 'xterm-256color' }, {})).toBe(false);
  });

  it('is off for those who decline, or cannot show it', () => {
    expect(coloured({ TERM: 'xterm-256color', NO_COLOR: '1' })).toBe(false);
    expect(coloured({ TERM: 'dumb' })).toBe(false);
  });
});

function failure(error: unknown): { exit: number; text: string } {
  const { stream, text } = output();
  const exit = reportFailure(error, stream);
  return { exit, text: text() };
}

describe('a failure', () => {
  it('with a code gets its remedy and exit code', () => {
    const busy = new ListenError(Object.assign(new Error('x'), { code: 'EADDRINUSE' }), {
      host: '127.0.0.1',
      port: 9090,
    });
    expect(failure(busy)).toEqual({
      exit: 69,
      text: expect.stringMatching(
        /^narthex: error ERR_PORT_IN_USE: cannot listen on 127\.0\.0\.1 port 9090 \(EADDRINUSE\)\n {4}Stop the process that listens there/,
      ) as unknown,
    });
  });

  it('that has its code and remedy in its message prints them once', () => {
    const { exit, text } = failure(
      new SetupError('ERR_PORT_PERMISSION', 'port 5 is not for us', 'Choose another.'),
    );
    expect(exit).toBe(77);
    expect(text).toBe('narthex: error ERR_PORT_PERMISSION: port 5 is not for us\n    Choose another.\n');
  });

  it('of the configuration lists its problems and how many more there are', () => {
    const place = { file: 'a.yaml', line: 1, column: 2 };
    const problem: ConfigProblem = {
      severity: 'error',
      code: 'ERR_CONFIG_TYPE',
      path: 'a',
      place,
      message: 'm',
      remedy: 'W.',
    };
    const { exit, text } = failure(new ConfigError(Array.from({ length: 60 }, () => problem)));
    expect(exit).toBe(78);
    expect(text.match(/^a\.yaml:1:2: error ERR_CONFIG_TYPE: m$/gm)).toHaveLength(50);
    expect(text).toMatch(/\nnarthex: and 10 more\n$/);
  });

  it('that is a defect shows where it happened, and not its message', () => {
    const { exit, text } = failure(new SyntaxError('Unexpected token in "juliet@capulet.example"'));
    expect(exit).toBe(70);
    expect(text).toMatch(/^narthex: error ERR_INTERNAL: SyntaxError\n +at .*report\.test\.ts/);
    expect(text).not.toContain('juliet');
  });

  it.each([
    ['text', 'juliet'],
    ['nothing', undefined],
    ['a foreign code', Object.assign(new Error('juliet'), { code: 'EPERM' })],
  ])('that is %s', (_, error) => {
    const { exit, text } = failure(error);
    expect([exit, text.includes('ERR_INTERNAL'), text.includes('juliet')]).toEqual([70, true, false]);
  });
});
