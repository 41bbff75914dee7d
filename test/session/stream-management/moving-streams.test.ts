/** Streams that move between replicas at random: cut with bytes on the way, resumed elsewhere, and now and then at a replica
 *  that was killed before its last write. Nothing that was acknowledged is lost, and nothing arrives twice. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { StreamRecords } from '../../../src/session/stream-management/stream-records.ts';
import type { StateStore } from '../../../src/state/store.ts';
import type { Direction } from '../../../src/stanza/direction.ts';
import { memoryState } from '../../support/state.ts';
import { ManualClock, settled } from '../conversation.ts';
import { Legs } from '../legs.ts';

const sm = 'urn:xmpp:sm:3';
const stanza = /<message id='([^']+)'|<(a|resume|resumed|failed)\b[^>]*?(?: h='(\d+)')?\/?>/g;
const judge = {
  name: 'judge',
  begin: () => ({
    judge: (each: { attributeValue(at: number, name: string): string | undefined }) =>
      each.attributeValue(0, 'id')?.startsWith('drop') === true
        ? ({ kind: 'drop' } as const)
        : ({ kind: 'forward' } as const),
  }),
};

/** One end of the stream, which keeps what is not acknowledged (XEP-0198 §4). */
class End {
  readonly said: string[] = [];
  readonly got: string[] = [];
  /** Number of its stanzas that the other end has acknowledged. */
  told = 0;

  acknowledged(count: number): void {
    expect(count).toBeGreaterThanOrEqual(this.told);
    expect(count).toBeLessThanOrEqual(this.said.length);
    this.told = count;
  }
}

class Story {
  readonly client = new End();
  readonly gatekeeper = new End();
  readonly #clock = new ManualClock();
  readonly #replicas: readonly Resumptions[];
  #legs!: Legs;
  #read: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };
  #sessions = 0;
  over = false;

  constructor() {
    const memory = memoryState({}, () => this.#clock.now + 1);
    const state: StateStore = {
      shared: true,
      epoch: 0,
      get: (...record) => memory.get(...record),
      set: (...record) => memory.set(...record),
      claim: (...record) => memory.claim(...record),
      delete: (...record) => memory.delete(...record),
    };
    this.#replicas = [0, 1, 2].map(() => {
      const now = (): number => this.#clock.now + 1;
      const { schedule } = this.#clock;
      const records = new StreamRecords({ state, lifeMs: 3_600_000, now, schedule });
      return new Resumptions({ resumptionsMax: 10 }, now, records);
    });
    this.#connect(0);
    this.#legs.read('to-gatekeeper', `<enable xmlns='${sm}' resume='true'/>`);
    this.#legs.read('to-client', `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`);
  }

  #connect(replica: number): void {
    this.#sessions += 1;
    this.#legs = new Legs({
      stages: [judge],
      resumptions: this.#replicas[replica]!,
      id: `s${this.#sessions}`,
    });
    this.#read = { 'to-gatekeeper': 0, 'to-client': 0 };
  }

  say(end: 'client' | 'gatekeeper', isDropped: boolean): void {
    const { said } = this[end];
    said.push(`${isDropped ? 'drop' : 'keep'}-${end}-${said.length}`);
    this.#send(end, said.at(-1)!);
  }

  #send(end: 'client' | 'gatekeeper', id: string): void {
    this.#legs.read(end === 'client' ? 'to-gatekeeper' : 'to-client', `<message id='${id}'/>`);
  }

  /** An end reads what has come, and acknowledges it. */
  read(end: 'client' | 'gatekeeper', acknowledges: boolean): void {
    const direction = end === 'client' ? 'to-client' : 'to-gatekeeper';
    this.#take(this[end], direction);
    if (acknowledges)
      this.#legs.read(
        end === 'client' ? 'to-gatekeeper' : 'to-client',
        `<a xmlns='${sm}' h='${this[end].got.length}'/>`,
      );
  }

  /** Returns the names of nonzas with their counts. */
  #take(end: End, direction: Direction): string[] {
    const text = this.#legs.out[direction].join('');
    const nonzas: string[] = [];
    for (const [, id, nonza, h] of text.slice(this.#read[direction]).matchAll(stanza)) {
      if (id !== undefined) end.got.push(id);
      else nonzas.push(`${nonza} ${h ?? ''}`.trim());
      if (nonza === 'a') end.acknowledged(Number(h));
    }
    this.#read[direction] = text.length;
    return nonzas;
  }

  /** Cuts the connection, with what was not read lost, and resumes at a replica. A replica that was killed has written what it
   *  has at most a second before. */
  async move(to: number, isKilled: boolean): Promise<void> {
    if (!isKilled) void this.#legs.relay.end();
    await settled();
    this.#connect(to);
    const { client, gatekeeper } = this;
    this.#legs.read('to-gatekeeper', `<resume xmlns='${sm}' previd='sm-1' h='${client.got.length}'/>`);
    await settled();
    const [asked] = this.#take(gatekeeper, 'to-gatekeeper');
    if (asked === undefined) return this.#fail(isKilled);
    if (isBelow(asked, gatekeeper)) return this.#fail(isKilled);
    gatekeeper.acknowledged(Number(asked.split(' ')[1]));
    try {
      this.#legs.read('to-client', `<resumed xmlns='${sm}' previd='sm-1' h='${gatekeeper.got.length}'/>`);
    } catch {
      return this.#fail(isKilled);
    }
    const [answered] = this.#take(client, 'to-client');
    if (isBelow(answered!, client)) return this.#fail(isKilled);
    client.acknowledged(Number(answered!.split(' ')[1]));
    for (const end of ['client', 'gatekeeper'] as const)
      for (const id of this[end].said.slice(this[end].told)) this.#send(end, id);
  }

  /** A resumption fails only where the counts were too old. Then the client logs in anew, and the story is over. */
  #fail(isKilled: boolean): void {
    expect(isKilled).toBe(true);
    this.over = true;
  }

  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 250) {
      this.#clock.advance(250);
      await settled();
    }
  }

  /** What each end has received is what the other has said, in its order, once, without what the policy drops. */
  check(isComplete: boolean): void {
    for (const [from, to] of [
      [this.client, this.gatekeeper],
      [this.gatekeeper, this.client],
    ] as const) {
      const kept = (ids: readonly string[]): string[] => ids.filter((id) => id.startsWith('keep'));
      expect(to.got).toEqual(kept(from.said).slice(0, to.got.length));
      // Nothing that was acknowledged is missing.
      expect(to.got.length).toBeGreaterThanOrEqual(kept(from.said.slice(0, from.told)).length);
      if (isComplete) expect(to.got).toEqual(kept(from.said));
    }
  }
}

/** Whether a count is below one that the end has had: it takes that for an error, and ends the stream. Old counts do not know of
 *  dropped stanzas that were acknowledged since. */
function isBelow(nonza: string, { told }: End): boolean {
  return Number(nonza.split(' ')[1]) < told;
}

const end = fc.constantFrom('client' as const, 'gatekeeper' as const);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('say' as const), end, isDropped: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('read' as const), end, acknowledges: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      to: fc.nat({ max: 2 }),
      isKilled: fc.constantFrom(false, false, false, true),
    }),
  },
);

let resumed = 0;
let failed = 0;

it('lose nothing that was acknowledged, and deliver nothing twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const story = new Story();
      await story.pass(250);
      for (const each of steps) {
        if (story.over) break;
        if (each.kind === 'say') story.say(each.end, each.isDropped);
        if (each.kind === 'read') story.read(each.end, each.acknowledges);
        if (each.kind === 'pass') await story.pass(1_250);
        if (each.kind === 'move') {
          await story.move(each.to, each.isKilled);
          if (story.over) failed += 1;
          else resumed += 1;
        }
        story.check(false);
      }
      if (story.over) return;
      await story.move(1, false);
      for (const each of ['client', 'gatekeeper', 'client', 'gatekeeper'] as const) story.read(each, true);
      story.check(true);
    }),
    { numRuns: 60 },
  );
  expect(resumed).toBeGreaterThan(100);
  expect(failed).toBeGreaterThan(0);
}, 120_000);
