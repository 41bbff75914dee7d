/** Counters of streams as records of all replicas: how often they are written, and what another replica makes of them. */
import { beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { AckWindow } from '../../../src/session/stream-management/ack-window.ts';
import type { ManagedStream } from '../../../src/session/stream-management/managed-stream.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { readStream, writeStream } from '../../../src/session/stream-management/saved-stream.ts';
import { StreamRecords, writeIntervalMs } from '../../../src/session/stream-management/stream-records.ts';
import type { StateKind } from '../../../src/state/kinds.ts';
import { StateUnavailable, type StateStore } from '../../../src/state/store.ts';
import { memoryState } from '../../support/state.ts';
import { Conversation, ManualClock, settled } from '../conversation.ts';
import { Legs } from '../legs.ts';

const sm = 'urn:xmpp:sm:3';
const enable = `<enable xmlns='${sm}' resume='true'/>`;
const enabled = `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`;
const ack = (h: number): string => `<a xmlns='${sm}' h='${h}'/>`;
const resume = (h: number, previd = 'sm-1'): string => `<resume xmlns='${sm}' previd='${previd}' h='${h}'/>`;
const resumed = (h: number): string => `<resumed xmlns='${sm}' previd='sm-1' h='${h}'/>`;
const notFound = `<failed xmlns='${sm}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`;
const message = (id: string): string => `<message id='${id}'/>`;
/** Drops messages whose id begins with `drop`. */
const judge = {
  name: 'judge',
  begin: () => ({
    judge: (stanza: { attributeValue(at: number, name: string): string | undefined }) =>
      stanza.attributeValue(0, 'id')?.startsWith('drop') === true
        ? ({ kind: 'drop' } as const)
        : ({ kind: 'forward' } as const),
  }),
};

/** The state that the replicas have in common, with the operations on it and a switch to lose it. */
class CommonState implements StateStore {
  readonly shared = true;
  epoch = 1;
  readonly operations: string[] = [];
  lost = false;
  readonly #memory;

  constructor(clock: ManualClock) {
    this.#memory = memoryState({}, () => clock.now + 1);
  }

  async get(kind: StateKind, name: string): Promise<Uint8Array | undefined> {
    this.#note('get');
    return this.#memory.get(kind, name);
  }

  async set(kind: StateKind, name: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#note('set');
    await this.#memory.set(kind, name, value, ttlMs);
  }

  async claim(
    kind: StateKind,
    name: string,
    value: Uint8Array,
    ttlMs: number,
  ): Promise<Uint8Array | undefined> {
    this.#note('claim');
    return this.#memory.claim(kind, name, value, ttlMs);
  }

  async delete(kind: StateKind, name: string): Promise<void> {
    this.#note('delete');
    await this.#memory.delete(kind, name);
  }

  count(operation: string): number {
    return this.operations.filter((each) => each === operation).length;
  }

  #note(operation: string): void {
    this.operations.push(operation);
    if (this.lost) throw new StateUnavailable();
  }
}

let clock: ManualClock;
let state: CommonState;

beforeEach(() => {
  clock = new ManualClock();
  state = new CommonState(clock);
});

/** What one process has of streams. */
function replica(): Resumptions {
  const records = new StreamRecords({
    state,
    lifeMs: 60_000,
    now: () => clock.now,
    schedule: clock.schedule,
  });
  return new Resumptions({ resumptionsMax: 100 }, () => clock.now + 1, records);
}

async function pass(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 250) {
    clock.advance(Math.min(250, left));
    await settled();
  }
}

function connect(resumptions: Resumptions, id = 's1'): Legs {
  return new Legs({ stages: [judge], resumptions, id });
}

/** A stream of a replica: m1 and m3 were delivered to the gatekeeper, two messages to the client. */
function established(resumptions: Resumptions): Legs {
  const legs = connect(resumptions);
  legs.facts.resource = 'hidden';
  legs.facts.shownResource = 'phone';
  legs.read('to-gatekeeper', enable);
  legs.read('to-client', enabled);
  legs.read('to-gatekeeper', message('m1') + message('drop-2') + message('m3'));
  legs.read('to-client', message('g1') + message('drop-g2') + message('g3'));
  return legs;
}

describe('a stream at another replica', () => {
  it('is resumed after its connection has ended: counts continue, and the former resource is known', async () => {
    void established(replica()).relay.end();
    await settled();
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(2));
    expect(legs.out['to-gatekeeper']).toEqual([]);
    await settled();
    expect(legs.out['to-gatekeeper'].join('')).toBe(resume(3));
    legs.read('to-client', resumed(2));
    expect(legs.out['to-client'].join('')).toBe(resumed(3));
    expect(legs.facts).toMatchObject({
      session: 's1',
      account: 'juliet@capulet.example',
      resource: 'hidden',
      shownResource: 'phone',
    });
    legs.read('to-gatekeeper', message('m4'));
    legs.read('to-client', ack(3));
    expect(legs.out['to-client'].at(-1)).toBe(ack(4));
  });

  it('does not send again what had arrived', async () => {
    void established(replica()).relay.end();
    await settled();
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(0));
    await settled();
    legs.read('to-client', resumed(1));
    legs.out['to-gatekeeper'].length = 0;
    legs.read('to-gatekeeper', message('drop-2') + message('m3') + message('m4'));
    expect(legs.ids('to-gatekeeper')).toEqual(['m3', 'm4']);
  });

  it('goes from replica to replica, and back to the first', async () => {
    const replicas = [replica(), replica(), replica()];
    void established(replicas[0]!).relay.end();
    await settled();
    let delivered = 2;
    for (const [index, which] of [1, 2, 0, 1].entries()) {
      const legs = connect(replicas[which]!, `later-${index}`);
      legs.read('to-gatekeeper', resume(2));
      await settled();
      legs.read('to-client', resumed(delivered));
      legs.read('to-gatekeeper', message(`n${index}`));
      delivered += 1;
      legs.read('to-client', ack(delivered));
      expect(legs.out['to-client'].at(-1)).toBe(ack(delivered + 1));
      void legs.relay.end();
      await settled();
    }
  });

  it('is not overwritten by the connection that it was taken from', async () => {
    const first = established(replica());
    await pass(1_000);
    const second = connect(replica(), 's2');
    second.read('to-gatekeeper', resume(2));
    await settled();
    second.read('to-client', resumed(2));
    second.read('to-gatekeeper', message('m4'));
    void second.relay.end();
    // The gatekeeper ends the connection that was replaced, which writes its counts for the last time.
    void first.relay.end();
    await settled();
    const third = connect(replica(), 's3');
    third.read('to-gatekeeper', resume(2));
    await settled();
    third.read('to-client', resumed(3));
    expect(third.out['to-client'].join('')).toBe(resumed(4));
  });

  it('comes back to a replica where its first connection still stands, whose end changes nothing', async () => {
    const [one, other] = [replica(), replica()];
    const first = established(one);
    await pass(1_000);
    const second = connect(other, 's2');
    second.read('to-gatekeeper', resume(2));
    await settled();
    second.read('to-client', resumed(2));
    const third = connect(one, 's3');
    third.read('to-gatekeeper', resume(2));
    await settled();
    third.read('to-client', resumed(2));
    void first.relay.end();
    await settled();
    third.read('to-gatekeeper', message('m4'));
    await pass(1_250);
    const fourth = connect(other, 's4');
    fourth.read('to-gatekeeper', resume(2));
    await settled();
    fourth.read('to-client', resumed(3));
    expect(fourth.out['to-client'].join('')).toBe(resumed(4));
  });

  it('is not found under another identifier, through another gatekeeper, or after its life', async () => {
    void established(replica()).relay.end();
    await settled();
    for (const previd of ['sm-2', '0 main sm-1', 'x'.repeat(5_000)]) {
      const legs = connect(replica(), 's2');
      legs.read('to-gatekeeper', resume(0, previd));
      await settled();
      expect(legs.out['to-client'].join('')).toBe(notFound);
    }
    expect(await replica().lookUp('other', 'sm-1')).toBeUndefined();
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
    await pass(61_000);
    expect(await replica().lookUp('main', 'sm-1')).toBeUndefined();
  });

  it('is forgotten everywhere when the gatekeeper has forgotten it', async () => {
    void established(replica()).relay.end();
    await settled();
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(2));
    await settled();
    legs.read('to-client', `<failed xmlns='${sm}' h='2'/>`);
    expect(legs.out['to-client'].join('')).toBe(`<failed xmlns='${sm}' h='3'/>`);
    await settled();
    expect(await replica().lookUp('main', 'sm-1')).toBeUndefined();
  });
});

describe('a replica that was killed', () => {
  it('leaves the counts of its last write, with which the stream goes on where nothing came after them', async () => {
    established(replica());
    await pass(1_000);
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(2));
    await settled();
    legs.read('to-client', resumed(2));
    expect(legs.out['to-client'].join('')).toBe(resumed(3));
  });

  it('leaves counts that a client is beyond: the stream is not resumed, and the client learns what was handled', async () => {
    const first = established(replica());
    first.read('to-client', ack(1));
    const acknowledged = first.out['to-client'].at(-1)!;
    await pass(1_000);
    first.read('to-client', message('g4'));
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(3));
    await settled();
    expect(legs.out['to-gatekeeper']).toEqual([]);
    const count = /h='[1-9]'/.exec(acknowledged)![0];
    expect(legs.out['to-client'].join('')).toBe(notFound.replace('>', ` ${count}>`));
  });

  it('leaves counts that the gatekeeper is beyond: the session ends, and the next attempt fails at once', async () => {
    const first = established(replica());
    await pass(1_000);
    first.read('to-gatekeeper', message('m4'));
    const second = replica();
    const legs = connect(second, 's2');
    legs.read('to-gatekeeper', resume(2));
    await settled();
    expect(() => legs.read('to-client', resumed(3))).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
    await settled();
    const again = connect(second, 's3');
    again.read('to-gatekeeper', resume(2));
    await settled();
    expect(again.out['to-client'].join('')).toBe(notFound);
  });

  it('leaves no tolerance: a newer count is not taken for stanzas from before the count', async () => {
    const first = connect(replica());
    first.read('to-client', message('p1') + message('p2'));
    first.read('to-gatekeeper', enable);
    first.read('to-client', enabled);
    await pass(1_000);
    first.read('to-client', message('g1') + message('g2'));
    const legs = connect(replica(), 's2');
    legs.read('to-gatekeeper', resume(2));
    await settled();
    expect(legs.out['to-client'].join('')).toBe(notFound.replace('>', " h='0'>"));
  });
});

describe('writes', () => {
  it('are at most one per second and session, whatever the number of stanzas, and one at the end', async () => {
    const legs = established(replica());
    await pass(250);
    expect(state.count('set')).toBe(1);
    for (let index = 0; index < 100; index += 1) {
      for (let each = 0; each < 10; each += 1) legs.read('to-gatekeeper', message(`m-${index}-${each}`));
      await pass(100);
    }
    const seconds = 100 * 0.1;
    expect(state.count('set')).toBeGreaterThanOrEqual(seconds / 2);
    expect(state.count('set')).toBeLessThanOrEqual(seconds + 1);
    const before = state.count('set');
    void legs.relay.end();
    await settled();
    expect(state.count('set')).toBe(before + 1);
    await pass(10_000);
    expect(state.count('set')).toBe(before + 1);
  });

  it('are none for a stream whose counts stay, but for its life', async () => {
    established(replica());
    await pass(2_000);
    expect(state.count('set')).toBe(1);
    await pass(27_000);
    expect(state.count('set')).toBe(1);
    await pass(3_000);
    expect(state.count('set')).toBe(2);
    await pass(50_000);
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
  });

  it('are made anew of every live stream when the store was lost and is back: it may be empty', async () => {
    established(replica());
    await pass(2_000);
    expect(state.count('set')).toBe(1);
    await state.delete('resumption', '0 main sm-1');
    state.epoch += 1;
    await pass(1_250);
    expect(state.count('set')).toBe(2);
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
    await pass(5_000);
    expect(state.count('set')).toBe(2);
  });

  it('are tried again at the usual pace while the store is lost, and the session goes on', async () => {
    state.lost = true;
    const legs = established(replica());
    await pass(5_000);
    expect(state.count('set')).toBeGreaterThanOrEqual(3);
    expect(state.count('set')).toBeLessThanOrEqual(5_000 / writeIntervalMs + 1);
    legs.read('to-gatekeeper', message('m4'));
    expect(legs.ids('to-gatekeeper').at(-1)).toBe('m4');
    state.lost = false;
    await pass(1_250);
    expect(await replica().lookUp('main', 'sm-1')).toMatchObject({ resource: 'hidden' });
  });

  it('are not made of a stream with more unacknowledged runs than a record holds: it has none then', async () => {
    const resumptions = replica();
    const legs = established(resumptions);
    await pass(1_000);
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
    for (let index = 0; index < 5_000; index += 1)
      legs.read('to-gatekeeper', message(`m${index}`) + message(`drop-${index}`));
    await pass(1_000);
    expect(await replica().lookUp('main', 'sm-1')).toBeUndefined();
    expect(await resumptions.lookUp('main', 'sm-1')).toBeDefined();
  });

  it('stop with their stream, and so does the timer', async () => {
    const resumptions = replica();
    void established(resumptions).relay.end();
    await pass(500);
    expect(clock.pending).toBe(0);
  });
});

describe('a store that is lost', () => {
  it('does not keep a stream from being resumed where it was', async () => {
    const resumptions = replica();
    void established(resumptions).relay.end();
    state.lost = true;
    const legs = connect(resumptions, 's2');
    legs.read('to-gatekeeper', resume(2));
    await settled();
    legs.read('to-client', resumed(2));
    expect(legs.out['to-client'].join('')).toBe(resumed(3));
    const elsewhere = connect(replica(), 's3');
    elsewhere.read('to-gatekeeper', resume(2));
    await settled();
    expect(elsewhere.out['to-client'].join('')).toBe(notFound);
  });
});

describe('a process that shares no state', () => {
  it('looks nowhere, and answers at once', () => {
    const resumptions = new Resumptions({ resumptionsMax: 100 });
    expect(resumptions.lookUp('main', 'sm-1')).toBeUndefined();
    const legs = connect(resumptions);
    legs.read('to-gatekeeper', resume(0));
    expect(legs.out['to-client'].join('')).toBe(notFound);
  });
});

describe('what a client sends after a request to resume', () => {
  it('waits for the answer of the store, in its order', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    void established(replica()).relay.end();
    await settled();
    const resumptions = replica();
    const get = state.get.bind(state);
    state.get = async (...record) => {
      await promise;
      return get(...record);
    };
    const conversation = await new Conversation({ resumptions, stages: [] }).established();
    await conversation.client.says(`${resume(2)}<r xmlns='${sm}'/>`);
    await conversation.client.says(message('early'));
    expect(conversation.gatekeeper.news()).toBe('');
    resolve();
    await settled();
    expect(conversation.gatekeeper.news()).toBe(`${resume(3)}<r xmlns='${sm}'/>${message('early')}`);
    await conversation.over();
  });

  it('comes to nothing when the session ends meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    state.get = () => promise;
    const conversation = await new Conversation({ resumptions: replica(), stages: [] }).established();
    await conversation.client.says(resume(2));
    await conversation.over();
    conversation.gatekeeper.news();
    resolve(undefined);
    await settled();
    expect(conversation.gatekeeper.news()).toBe('');
    expect(conversation.closed).toBe('ERR_SHUTDOWN');
  });
});

describe('a client that closes its stream', () => {
  it('leaves no record: a closed stream is not resumed', async () => {
    const conversation = await new Conversation({ resumptions: replica(), stages: [] }).established();
    await conversation.client.says(enable);
    await conversation.gatekeeper.says(enabled);
    await pass(1_000);
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
    await conversation.client.says('</stream:stream>');
    await pass(1_000);
    expect(conversation.closed).toBe('client-closed');
    expect(await replica().lookUp('main', 'sm-1')).toBeUndefined();
    await conversation.over();
  });

  it('leaves one when its connection is lost', async () => {
    const conversation = await new Conversation({ resumptions: replica(), stages: [] }).established();
    await conversation.client.says(enable);
    await conversation.gatekeeper.says(enabled);
    await conversation.client.hangsUp();
    await settled();
    expect(await replica().lookUp('main', 'sm-1')).toBeDefined();
    await conversation.over();
  });
});

describe('a request to resume inside an authentication (XEP-0388)', () => {
  const inline = (previd: string): string =>
    `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGp1bGlldABy</initial-response>${resume(2, previd)}</authenticate>`;
  const success = (inside: string): string =>
    `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@capulet.example</authorization-identifier>${inside}</success>`;

  it('is answered with the counts of another replica', async () => {
    void established(replica()).relay.end();
    await settled();
    const conversation = await new Conversation({ resumptions: replica(), stages: [] }).offered();
    await conversation.client.says(inline('sm-1'));
    expect(conversation.gatekeeper.news()).toContain(resume(3));
    await conversation.gatekeeper.says(success(resumed(2)));
    expect(conversation.client.news()).toContain(resumed(3));
    expect(conversation.phase).toBe('established');
    await conversation.over();
  });

  it('fails inside the success where no replica has the stream', async () => {
    const conversation = await new Conversation({ resumptions: replica(), stages: [] }).offered();
    await conversation.client.says(inline('sm-2'));
    expect(conversation.gatekeeper.news()).not.toContain('<resume');
    await conversation.gatekeeper.says(success(''));
    expect(conversation.client.news()).toContain(notFound);
    await conversation.over();
  });
});

describe('the form of a record', () => {
  const step = fc.constantFrom('pass', 'drop', 'wait', 'settle', 'inject', 'acknowledge');

  it('keeps every count: a window that was saved behaves as the one that goes on', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 60 }), (before, after) => {
        const window = new AckWindow({ surplusMax: 2, mayRestart: true });
        advance(window, before);
        const copy = AckWindow.restore(JSON.parse(JSON.stringify(window.saved())), true)!;
        expect(copy.saved()).toEqual(window.saved());
        expect(advance(copy, after)).toEqual(advance(window, after));
        expect(copy.saved()).toEqual(window.saved());
      }),
    );
  });

  it('is refused when it is another', () => {
    const good = JSON.parse(Buffer.from(writeStream(stream(), true)).toString()) as Record<string, unknown>;
    expect(readStream(Buffer.from(JSON.stringify(good)))).toMatchObject({ account: 'a', generation: 3 });
    const window = { counts: [1, 2, 3], runs: [], repeated: [] };
    for (const wrong of [
      { id: 1 },
      { account: null },
      { resource: undefined },
      { generation: 1.5 },
      { startedAt: 'x' },
      { shownResource: 7 },
      { toClient: window },
      { toGatekeeper: { ...(good['toGatekeeper'] as object), runs: [1, 2] } },
      { toGatekeeper: { ...(good['toGatekeeper'] as object), repeated: ['1', 2, 3] } },
    ])
      expect(readStream(Buffer.from(JSON.stringify({ ...good, ...wrong })))).toBeUndefined();
    for (const text of ['', 'null', '[]', '"x"', '{', '7'])
      expect(readStream(Buffer.from(text))).toBeUndefined();
  });
});

function stream(): ManagedStream {
  const windows = { toGatekeeper: new AckWindow(), toClient: new AckWindow() };
  return { id: 's', startedAt: 1, account: 'a', resource: 'r', alias: { shownResource: undefined }, generation: 3, ...windows }; // prettier-ignore
}

/** Does the steps. @returns what the acknowledgements were translated to, or how they failed */
function advance(window: AckWindow, steps: readonly string[]): unknown[] {
  const results: unknown[] = [];
  const waiting: number[] = [];
  let h = 0;
  for (const each of steps) {
    if (each === 'pass') window.pass();
    if (each === 'drop') window.drop();
    if (each === 'wait') waiting.push(window.wait());
    if (each === 'settle' && waiting.length > 0) window.settle(waiting.shift()!, 'delivered');
    if (each === 'inject') window.inject();
    if (each === 'acknowledge')
      try {
        results.push(window.acknowledge((h += 1)));
      } catch {
        results.push('refused');
      }
  }
  return results;
}
