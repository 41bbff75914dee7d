/** Generated conversations through every stage at once, as both sides would have them at their worst: whatever is sent,
 *  what leaves is a well-formed stream of whole stanzas, and stream management has counted it. */
import { SaxesParser } from 'saxes';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { directions, opposite, type Direction } from '../../src/stanza/direction.ts';
import { shipped } from '../capabilities/shipped.ts';
import { generatedStanza, nonzas } from '../support/generated-stanzas.ts';
import { Random } from '../support/random.ts';
import { connectThroughEveryStage } from './every-stage.ts';
import type { Legs } from './legs.ts';

const sm = 'urn:xmpp:sm:3';
/** More of them: `NARTHEX_CONVERSATIONS=50000`. */
const conversations = Number(process.env['NARTHEX_CONVERSATIONS'] ?? 100);

/** Reads what left strictly. @returns its stanzas, by name. */
function leftOn(legs: Legs, direction: Direction): string[] {
  const stanzas: string[] = [];
  let depth = 0;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ local, uri }) => {
    depth += 1;
    if (depth === 2 && uri === 'jabber:client') stanzas.push(local);
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  parser.write("<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>");
  // In pieces as they were written: each ends between two stanzas.
  for (const piece of legs.out[direction]) {
    parser.write(piece);
    if (depth !== 1) throw new Error('half a stanza');
  }
  parser.write('</s:stream>').close();
  return stanzas;
}

function acknowledge(legs: Legs, direction: Direction, handled: number): void {
  legs.read(opposite(direction), `<a xmlns='${sm}' h='${handled}'/>`);
}

/** @returns whether it went on to its end, or was cut short
 *  @throws StreamError when a peer was refused: nothing that is generated deserves it */
function converse(seed: number, policy: string, profile: string): 'complete' | 'cut short' {
  const random = new Random(seed);
  const legs = connectThroughEveryStage(policy, profile);
  legs.read('to-gatekeeper', `<enable xmlns='${sm}' resume='true'/>`);
  legs.read('to-client', `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`);
  const sent = { 'to-gatekeeper': 0, 'to-client': 0 };
  for (let turn = 0; turn < 30; turn += 1) {
    const direction = random.pick(directions);
    const said = generatedStanza(random);
    if (!nonzas.includes(said)) sent[direction] += 1;
    for (const chunk of random.chunks(Buffer.from(said), 200)) legs.read(direction, chunk);
    if (random.once(6)) acknowledge(legs, direction, leftOn(legs, direction).length);
    if (random.once(4)) vi.advanceTimersByTime(random.below(4_000));
  }
  if (random.once(4)) {
    // In the middle of what waits.
    end(legs);
    return 'cut short';
  }
  vi.advanceTimersByTime(60_000);
  expect(legs.failure).toBeUndefined();
  for (const direction of directions) {
    const { length } = leftOn(legs, direction);
    acknowledge(legs, direction, length);
    // The time of acknowledgements may be equalised.
    vi.advanceTimersByTime(60_000);
    expect(legs.out[opposite(direction)].at(-1)).toBe(`<a xmlns='${sm}' h='${sent[direction]}'/>`);
    expect(() => acknowledge(legs, direction, length + 1)).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
  }
  end(legs);
  return 'complete';
}

function end(legs: Legs): void {
  void legs.relay.end();
  expect(vi.getTimerCount()).toBe(0);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(['passthrough', 'balanced', 'strict'])('any conversation under %s', (policy) => {
  it.each([...shipped.keys()])(
    'with the profile %s leaves well formed, whole and counted',
    (profile) => {
      const share = Math.ceil(conversations / shipped.size);
      const tally = { complete: 0, 'cut short': 0 };
      for (let seed = 1; seed <= share; seed += 1)
        try {
          tally[converse(seed, policy, profile)] += 1;
        } catch (error) {
          throw new Error(`conversation ${seed}`, { cause: error });
        }
      expect(tally.complete).toBeGreaterThan(share / 2);
    },
    600_000,
  );
});
