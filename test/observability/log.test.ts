import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type LogEvent, logEvents } from '../../src/observability/events.ts';
import { label } from '../../src/observability/label.ts';
import { type Log, openLog } from '../../src/observability/log.ts';

type Line = Record<string, unknown>;

function recorded(level: 'debug' | 'info' | 'silent' = 'debug'): {
  log: Log;
  lines: () => Line[];
  text: () => string;
} {
  let text = '';
  const destination = { write: (line: string) => void (text += line) };
  const log = openLog({ level, now: () => 1_700_000_000_000, destination });
  const lines = (): Line[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  return { log, lines, text: () => text };
}

describe('the log', () => {
  it('writes one JSON line per event, with the time of the clock', () => {
    const { log, text } = recorded();
    log.write('listener.opened', { listener: label('clients'), port: 5222, tls: 'starttls' });
    expect(text()).toBe(
      '{"level":"info","severity":"INFO","time":"2023-11-14T22:13:20.000Z","event":"listener.opened","listener":"clients","port":5222,"tls":"starttls"}\n',
    );
  });

  it('keeps to its level', () => {
    const { log, lines } = recorded('info');
    log.write('session.opened', { session: 1 });
    log.write('session.closed', { session: 1, reason: 'client' });
    expect(lines().map(({ event }) => event)).toEqual(['session.closed']);
  });

  it('is silent at level silent', () => {
    const { log, text } = recorded('silent');
    log.write('tracing.failed', {});
    expect(text()).toBe('');
  });

  it('writes [refused] for a value of the wrong kind, and drops unknown fields', () => {
    const { log, lines } = recorded();
    const wrong = {
      listener: 'Juliet@example',
      code: 'ERR_FROM_THE_WIRE',
      jid: 'juliet@example',
      session: Number.NaN,
      side: 'moon',
    };
    log.write('session.refused', wrong as never);
    expect(lines()[0]).toEqual({
      level: 'warn',
      severity: 'WARNING',
      time: '2023-11-14T22:13:20.000Z',
      event: 'session.refused',
      session: '[refused]',
      listener: '[refused]',
      side: '[refused]',
      code: '[refused]',
    });
  });

  it('writes no text outside of its own vocabulary', () => {
    const canary = fc.string({ minLength: 4 }).map((text) => `~${text}~`);
    const value = fc.oneof(canary, fc.array(canary), fc.dictionary(canary, canary));
    const event = fc.constantFrom(...(Object.keys(logEvents) as LogEvent[]));
    fc.assert(
      fc.property(event, value, (name, secret) => {
        const { log, lines } = recorded();
        const fields = Object.fromEntries(
          Object.keys(logEvents[name].fields).map((field) => [field, secret]),
        );
        log.write(name, { ...fields, extra: secret, toJSON: () => secret });
        const { level, severity, time, event, ...rest } = lines()[0]!;
        expect([typeof level, typeof severity, typeof time, event]).toEqual([
          'string',
          'string',
          'string',
          name,
        ]);
        expect(Object.values(rest).filter((text) => text !== '[refused]')).toEqual([]);
      }),
    );
  });

  it('does not call code that hides in values', () => {
    const { log, lines } = recorded();
    let called = 0;
    const trap = {
      toJSON: () => (called += 1),
      toString: () => String((called += 1)),
      valueOf: () => (called += 1),
    };
    log.write('session.opened', { session: trap } as never);
    expect([called, lines()[0]!['session']]).toEqual([0, '[refused]']);
  });
});

describe('lines that peers without an account cause', () => {
  const limited = (perSecond: number) => {
    let now = 0;
    const written: Line[] = [];
    const left: string[] = [];
    const log = openLog({
      level: 'debug',
      now: () => now,
      unauthenticatedLinesPerSecondMax: perSecond,
      suppressed: (event) => left.push(event),
      destination: { write: (line: string) => void written.push(JSON.parse(line) as Line) },
    });
    return { log, written, left, pass: (ms: number) => (now += ms) };
  };

  it('have a rate for each event, and one summary of what was left out', () => {
    vi.useFakeTimers();
    try {
      const { log, written, left, pass } = limited(20);
      for (let line = 0; line < 5_000; line += 1) log.writeLimited('session.refused', { session: line });
      log.writeLimited('connection.refused', {});
      expect(written).toHaveLength(201);
      expect(left).toEqual(Array.from({ length: 4_800 }, () => 'session.refused'));
      vi.advanceTimersByTime(10_000);
      expect(written.at(-1)).toMatchObject({ event: 'log.suppressed', of: 'session.refused', lines: 4_800 });
      vi.advanceTimersByTime(60_000);
      expect(written).toHaveLength(202);
      pass(1_000);
      for (let line = 0; line < 100; line += 1) log.writeLimited('session.refused', { session: line });
      expect(written).toHaveLength(222);
    } finally {
      vi.useRealTimers();
    }
  });

  it('have none where it is switched off, nor has anything else', () => {
    const free = limited(0);
    const { log, written } = limited(1);
    for (let line = 0; line < 1_000; line += 1) {
      free.log.writeLimited('session.refused', { session: line });
      log.write('session.closed', { session: line });
    }
    expect([free.written.length, written.length]).toEqual([1_000, 1_000]);
  });
});
