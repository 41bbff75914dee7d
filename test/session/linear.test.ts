/** Peers that ask for much work get little: what capabilities, the content filter and stream management do with a stanza
 *  grows as it does, or ends at a limit. */
import { expectLinear } from '../support/linear.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AckWindow } from '../../src/session/stream-management/ack-window.ts';
import { opposite, type Direction } from '../../src/stanza/direction.ts';
import { connectThroughEveryStage } from './every-stage.ts';
import type { Legs } from './legs.ts';

const disco = 'http://jabber.org/protocol/disco#info';
const caps = (ver: string): string =>
  `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='${ver}'/>`;
const forwarded = (inside: string): string =>
  `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>${inside}</message></forwarded>`;
const file =
  "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><media-type>image/png</media-type><size>99</size></file></file-sharing>";
const times = (n: number, write: (index: number) => string): string =>
  Array.from({ length: n }, (_, index) => write(index)).join('');
const message = (inside: string): string =>
  `<message to='a@b.example' from='c@d.example'>${inside}</message>`;
const presence = (inside: string, from = 'c@d.example/e'): string =>
  `<presence from='${from}'>${inside}</presence>`;
const form = (index: number): string =>
  `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:f:${index}</value></field></x>`;
const answer = (inside: string): string =>
  `<iq type='result' id='d' to='a@b.example/c' from='c@d.example/e'><query xmlns='${disco}'><identity category='client' type='pc'/>${inside}</query></iq>`;

function nested(levels: number): string {
  let inside = file;
  for (let level = 0; level < levels; level += 1) inside = forwarded(inside + file);
  return message(inside);
}

/** [what, size of the smaller input, input of size n] */
const shapes: readonly (readonly [string, number, (n: number) => string])[] = [
  ['hashes in one presence', 200, (n) => presence(times(n, (i) => caps(`${i}`)))],
  ['hashes of the newer kind', 200, (n) => presence(`<c xmlns='urn:xmpp:caps'>${times(n, (i) => `<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>A${i}</hash>`)}</c>`)],
  ['presences, each with another hash', 100, (n) => times(n, (i) => presence(caps(`${i}`)))],
  ['contacts, each with another hash', 100, (n) => times(n, (i) => presence(caps(`${i}`), `c${i}@d.example/e`))],
  ['features in an answer', 400, (n) => answer(times(n, (i) => `<feature var='urn:f:${i}'/>`))],
  ['the same feature in an answer', 400, (n) => answer(times(n, () => "<feature var='urn:f'/>"))],
  ['identities in an answer', 200, (n) => answer(times(n, (i) => `<identity category='client' type='t${i}' name='n'/>`))],
  ['forms in an answer', 100, (n) => answer(times(n, form))],
  ['fields in a form', 200, (n) => answer(`<x xmlns='jabber:x:data' type='result'>${times(n, (i) => `<field var='v${i}'><value>${i}</value></field>`)}</x>`)],
  ['values in a field', 400, (n) => answer(`<x xmlns='jabber:x:data' type='result'><field var='v'>${times(n, (i) => `<value>${i}</value>`)}</field></x>`)],
  ['files in a message', 150, (n) => message(times(n, () => file))],
  ['addresses in a message', 200, (n) => message(times(n, () => "<x xmlns='jabber:x:oob'><url>https://a.example/b.png</url></x>"))],
  ['messages side by side in a message', 100, (n) => message(times(n, () => forwarded(file)))],
  ['messages inside each other in a message', 12, nested],
]; // prettier-ignore

describe('through every stage, twice as many cost twice as much', () => {
  let legs: Legs;

  beforeAll(() => {
    legs = connectThroughEveryStage('strict', 'phone');
  });
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());
  afterAll(() => legs.relay.end());

  const reading = (direction: Direction, text: string): (() => void) => {
    const bytes = Buffer.from(text);
    return () => {
      legs.read(direction, bytes);
      // What waits leaves, so that the next round finds things as this one did.
      vi.advanceTimersByTime(60_000);
      for (const each of [direction, opposite(direction)]) legs.out[each].length = 0;
    };
  };

  test.each(
    (['to-gatekeeper', 'to-client'] as const).flatMap((direction) =>
      shapes.map(([name, n, input]) => [direction, name, n, input] as const),
    ),
  )('%s: %s', (direction, name, n, input) => {
    expectLinear(name, reading(direction, input(n)), reading(direction, input(2 * n)));
    expect(legs.failure).toBeUndefined();
  });
}); // prettier-ignore

describe('stream management with much that is never acknowledged', () => {
  /** Stanzas that are dropped and delivered in turn. */
  const unacknowledged = (runs: number): AckWindow => {
    const window = new AckWindow();
    for (let i = 0; i < runs / 2; i += 1) {
      window.pass();
      window.drop();
    }
    return window;
  };

  test('queued stanzas are found in constant time', () => {
    const waiting = (runs: number) => (): void => {
      const window = unacknowledged(runs);
      for (let i = 0; i < runs / 2; i += 1) window.settle(window.wait(), 'delivered');
      expect(window.runs).toBe(runs * 1.5);
    };
    expectLinear('what waits', waiting(2_000), waiting(4_000));
  });

  test('acknowledging one by one costs as much for each', () => {
    const acknowledging = (runs: number) => (): void => {
      const window = unacknowledged(runs);
      for (let i = 1; i <= runs / 2; i += 1) window.acknowledge(i);
      expect(window.runs).toBe(0);
    };
    expectLinear('acknowledgements', acknowledging(4_000), acknowledging(8_000));
  });
});
