/** What sessions read and send, as records. */
import { describe, expect, it } from 'vitest';
import { selectorLiterals } from '../../src/policy/literals.ts';
import { Mask } from '../../src/recording/mask.ts';
import type { RecordingRecord } from '../../src/recording/record.ts';
import { Recorder } from '../../src/recording/recorder.ts';
import { Tokens } from '../../src/recording/tokens.ts';
import type { StageFactory, StagePort } from '../../src/session/stage.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { Disposition, HeldStanza } from '../../src/stanza/verdict.ts';
import { catalogue } from '../policy/fixtures.ts';
import { Legs, type LegsOptions } from '../session/legs.ts';
import { VirtualTime } from '../session/timing/virtual-time.ts';

const shiftMs = 100_000_000;

class Bench {
  readonly time = new VirtualTime();
  readonly records: RecordingRecord[] = [];
  readonly recorder: Recorder;
  readonly legs: Legs;
  port!: StagePort;

  /** @param judge judges by the id of a stanza */
  constructor(judge: (id: string) => Disposition, options: Partial<LegsOptions> = {}) {
    const tokens = new Tokens({ key: () => Buffer.alloc(32, 7), shiftSeconds: () => shiftMs / 1_000 });
    const { now, schedule } = this.time;
    this.recorder = new Recorder({
      mask: new Mask(tokens, selectorLiterals(catalogue)),
      tokens,
      now: () => shiftMs + now(),
      write: (record) => this.records.push(record),
    });
    const stage: StageFactory = {
      name: 'test',
      begin: (port) => {
        this.port = port;
        return { judge: (stanza) => judge(stanza.attributeValue(0, 'id') ?? '') };
      },
    };
    this.legs = new Legs({ stages: [stage], tap: this.recorder, now, schedule, ...options });
  }

  stanzas(): string[] {
    return this.records.flatMap((record) => {
      if (record.kind !== 'stanza') return [];
      const { session, direction, at, received, forwarded, waited, xml } = record;
      const name = xml === undefined ? 'own' : /^<([\w:]+)/.exec(xml)![1];
      return [`${session} ${direction} ${name} at ${at}: ${received} → ${forwarded} after ${waited} ms`];
    });
  }
}

const forwarded: Disposition = { kind: 'forward' };
const message = (id: string): string => `<message to='romeo@montague.example' id='${id}'/>`;
const bytes = message('m1').length;

/** Bytes that left in a direction. */
const left = ({ legs }: Bench, direction: Direction): number => legs.out[direction].join('').length;

describe('a recorder', () => {
  it('has a stanza that passes, in both directions, with its tokens', () => {
    const bench = new Bench(() => forwarded);
    bench.legs.read('to-gatekeeper', message('m1'));
    bench.legs.read('to-client', `<presence from='romeo@montague.example'/>`);
    expect(bench.stanzas()).toEqual([
      `1 to-gatekeeper message at 0: ${bytes} → ${bytes} after 0 ms`,
      '1 to-client presence at 0: 41 → 41 after 0 ms',
    ]);
    expect(JSON.stringify(bench.records)).not.toMatch(/romeo|montague|capulet|juliet/);
  });

  it('has a session before its stanzas, and again when more is known of it', () => {
    const bench = new Bench(() => forwarded, { phase: 'authenticating' });
    bench.legs.facts.account = '';
    bench.legs.read('to-gatekeeper', message('m1'));
    bench.legs.read('to-gatekeeper', message('m2'));
    Object.assign(bench.legs.facts, {
      phase: 'established',
      account: 'juliet@capulet.example',
      resource: 'r',
    });
    bench.legs.read('to-gatekeeper', message('m3'));
    const sessions = bench.records.filter((record) => record.kind === 'session');
    expect(bench.records.map(({ kind }) => kind)).toEqual([
      'session',
      'stanza',
      'stanza',
      'session',
      'stanza',
    ]);
    expect(sessions).toMatchObject([
      { session: 1, gatekeeper: 'main', listener: 'clients', account: '', resource: '', established: false },
      { session: 1, resource: expect.stringMatching(/^[a-z2-7]{8}$/) as string, established: true },
    ]);
    expect(sessions[1]!.account).toMatch(/^[a-z2-7]{8}@[a-z2-7]{8}\.[a-z2-7]{8}$/);
  });

  it('counts the sessions that read something', () => {
    const bench = new Bench(() => forwarded);
    const other = new Bench(() => forwarded, { tap: bench.recorder });
    const third = new Bench(() => forwarded, { tap: bench.recorder });
    for (const { legs } of [third, bench, other]) legs.read('to-gatekeeper', message('m1'));
    expect(bench.stanzas().map((line) => line[0])).toEqual(['1', '2', '3']);
  });

  it('has the size of an edited and padded stanza as it left', () => {
    const bench = new Bench(() => ({
      kind: 'forward',
      edits: [{ start: 8, end: 8, replacement: Buffer.from(" type='chat'") }],
      padTo: [256],
    }));
    bench.legs.read('to-gatekeeper', message('m1'));
    expect(left(bench, 'to-gatekeeper')).toBe(256);
    expect(bench.stanzas()).toEqual([`1 to-gatekeeper message at 0: ${bytes} → 256 after 0 ms`]);
  });

  it('has a dropped stanza, and the answer that the proxy gives for it', () => {
    const reply = Buffer.from("<message type='error'/>");
    const bench = new Bench(() => ({ kind: 'drop', reply }));
    bench.legs.read('to-gatekeeper', message('m1'));
    expect(bench.stanzas()).toEqual([
      `1 to-gatekeeper message at 0: ${bytes} → 0 after 0 ms`,
      `1 to-client own at 0: 0 → ${reply.length} after 0 ms`,
    ]);
  });

  it('has a delayed stanza when it leaves, with the time that it waited', () => {
    const bench = new Bench((id) => (id === 'm1' ? { kind: 'forward', delayMs: 500 } : forwarded));
    bench.legs.read('to-gatekeeper', message('m1'));
    bench.legs.read('to-client', message('m2'));
    while (bench.time.step(1_000));
    expect(bench.stanzas()).toEqual([
      `1 to-client message at 0: ${bytes} → ${bytes} after 0 ms`,
      `1 to-gatekeeper message at 0: ${bytes} → ${bytes} after 500 ms`,
    ]);
  });

  it('has held stanzas: released, dropped, and those that wait when the session ends', () => {
    const held: HeldStanza[] = [];
    const bench = new Bench(() => ({ kind: 'hold', keep: (each) => held.push(each) }));
    for (const id of ['m1', 'm2', 'm3']) bench.legs.read('to-gatekeeper', message(id));
    expect(bench.stanzas()).toEqual([]);
    held[0]!.release();
    held[1]!.drop();
    void bench.legs.relay.end();
    expect(bench.stanzas().map((line) => line.replace(/^.*: /, ''))).toEqual([
      `${bytes} → ${bytes} after 0 ms`,
      `${bytes} → 0 after 0 ms`,
      `${bytes} → 0 after 0 ms`,
    ]);
  });

  it('has nonzas, and what the proxy sends of its own', () => {
    const bench = new Bench(() => forwarded);
    bench.legs.read('to-gatekeeper', "<inactive xmlns='urn:xmpp:csi:0'/>");
    bench.port.inject('to-client', Buffer.from('<presence/>'));
    expect(bench.stanzas()).toEqual([
      '1 to-gatekeeper inactive at 0: 34 → 34 after 0 ms',
      '1 to-client own at 0: 0 → 11 after 0 ms',
    ]);
  });

  it('has a stanza that ends its session', () => {
    const bench = new Bench(() => {
      throw new Error('refused');
    });
    expect(() => bench.legs.read('to-gatekeeper', message('m1'))).toThrow('refused');
    void bench.legs.relay.end();
    expect(bench.stanzas()).toEqual([`1 to-gatekeeper message at 0: ${bytes} → 0 after 0 ms`]);
  });

  it('records nothing once it was stopped', () => {
    const bench = new Bench(() => forwarded);
    bench.legs.read('to-gatekeeper', message('m1'));
    const count = bench.records.length;
    bench.recorder.stop();
    bench.legs.read('to-gatekeeper', message('m2'));
    expect(bench.records).toHaveLength(count);
    expect(bench.legs.ids('to-gatekeeper')).toEqual(['m1', 'm2']);
  });
});
