/** Stanzas that cross the moment at which a peer begins to count (XEP-0198 §4): sent before it, delivered after it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StageFactory } from '../../../src/session/stage.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { AckWindow } from '../../../src/session/stream-management/ack-window.ts';
import { Legs } from '../legs.ts';

const sm = 'urn:xmpp:sm:3';
const enable = `<enable xmlns='${sm}' resume='true'/>`;
const enabled = `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`;
const ack = (h: number): string => `<a xmlns='${sm}' h='${h}'/>`;
const presence = (id: string): string => `<presence from='romeo@montague.example/${id}' id='${id}'/>`;
const wrongCount = expect.objectContaining({ code: 'ERR_SM_COUNT' });

/** Delays stanzas whose id begins with `slow` by a second, and drops those with `drop`. */
const slow: StageFactory = {
  name: 'test',
  begin: () => ({
    judge(stanza) {
      const id = stanza.kind === 'nonza' ? '' : (stanza.attributeValue(0, 'id') ?? '');
      if (id.startsWith('drop')) return { kind: 'drop' };
      return id.startsWith('slow') ? { kind: 'forward', delayMs: 1_000 } : { kind: 'forward' };
    },
  }),
};

let resumptions: Resumptions;
let legs: Legs;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  resumptions = new Resumptions();
  legs = new Legs({ stages: [slow], resumptions });
});

afterEach(() => {
  vi.useRealTimers();
});

/** What the gatekeeper receives after the client says `h`. */
function acknowledged(h: number): string | undefined {
  legs.read('to-gatekeeper', ack(h));
  return legs.out['to-gatekeeper'].at(-1);
}

describe('a stanza that is delayed past the begin of counting', () => {
  it('is counted by the client, which receives it then, and not by the gatekeeper, which sent it before', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('slow-1') + enabled);
    vi.advanceTimersByTime(1_001);
    legs.read('to-client', presence('p2'));
    expect(legs.ids('to-client')).toEqual(['slow-1', 'p2']);
    expect(acknowledged(1)).toBe(ack(0));
    expect(acknowledged(2)).toBe(ack(1));
    expect(() => legs.read('to-gatekeeper', ack(3))).toThrow(wrongCount);
  });

  it('is counted by the gatekeeper when the client sent it before <enable/>', () => {
    legs.read('to-gatekeeper', presence('slow-1') + enable);
    legs.read('to-client', enabled);
    vi.advanceTimersByTime(1_001);
    legs.read('to-gatekeeper', presence('p2'));
    legs.read('to-client', ack(2));
    expect(legs.failure).toBeUndefined();
    expect(legs.out['to-client'].at(-1)).toBe(ack(1));
    expect(() => legs.read('to-client', ack(3))).toThrow(wrongCount);
  });

  it('keeps its number out of the counts that were asked for after a refusal', () => {
    legs.read('to-gatekeeper', enable + presence('slow-1'));
    legs.read('to-client', `<failed xmlns='${sm}'/>`);
    legs.read('to-gatekeeper', enable + presence('slow-2'));
    legs.read('to-client', enabled);
    vi.advanceTimersByTime(1_001);
    expect(legs.ids('to-gatekeeper')).toEqual(['slow-1', 'slow-2']);
    legs.read('to-client', ack(2));
    expect(legs.out['to-client'].at(-1)).toBe(ack(1));
  });
});

describe('a client that counts stanzas from before <enabled/>', () => {
  beforeEach(() => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('p1') + presence('p2') + enabled);
  });

  it('keeps its stream, and the gatekeeper receives what the client has', () => {
    legs.read('to-client', presence('p3'));
    expect(acknowledged(3)).toBe(ack(1));
    legs.read('to-client', presence('drop-4') + presence('p5'));
    // Its fourth is p5: two from before, p3, p5. What is dropped counts as handled once what is before it is.
    expect(acknowledged(4)).toBe(ack(3));
  });

  it('is refused from the first stanza on that it was never sent', () => {
    legs.read('to-client', presence('p3'));
    expect(() => legs.read('to-gatekeeper', ack(4))).toThrow(wrongCount);
  });

  it('cannot raise its surplus with each acknowledgement', () => {
    expect(acknowledged(1)).toBe(ack(0));
    expect(acknowledged(2)).toBe(ack(0));
    legs.read('to-client', presence('p3'));
    expect(acknowledged(3)).toBe(ack(1));
    expect(() => legs.read('to-gatekeeper', ack(4))).toThrow(wrongCount);
  });

  it('differs from one that counts right', () => {
    legs.read('to-client', presence('p3') + presence('p4'));
    expect(acknowledged(1)).toBe(ack(1));
    expect(acknowledged(2)).toBe(ack(2));
  });

  it('resumes with its own count, and the gatekeeper receives its own', () => {
    legs.read('to-client', presence('p3') + presence('p4'));
    // One of the two has arrived when the connection breaks.
    expect(acknowledged(2)).toBe(ack(2));
    legs.read('to-client', presence('p5'));
    expect(acknowledged(5)).toBe(ack(3));
    legs.read('to-client', presence('p6') + presence('p7'));
    void legs.relay.end();
    const second = new Legs({ stages: [slow], resumptions });
    second.read('to-gatekeeper', `<resume xmlns='${sm}' previd='sm-1' h='6'/>`);
    expect(second.out['to-gatekeeper'].join('')).toBe(`<resume xmlns='${sm}' previd='sm-1' h='4'/>`);
    second.read('to-client', `<resumed xmlns='${sm}' previd='sm-1' h='0'/>${presence('p7')}`);
    second.read('to-gatekeeper', ack(7));
    expect(second.out['to-gatekeeper'].at(-1)).toBe(ack(5));
  });
});

describe('a client whose count begins anew after the read with <enabled/>', () => {
  it('keeps its stream: it has counted two from before, and later counts right', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('p1') + presence('p2') + enabled);
    expect(acknowledged(2)).toBe(ack(0));
    legs.read('to-client', presence('p3'));
    expect(acknowledged(1)).toBe(ack(1));
    expect(() => legs.read('to-gatekeeper', ack(2))).toThrow(wrongCount);
  });

  it('keeps it also when it forgets stanzas that it has acknowledged: nothing is acknowledged twice or too early', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('p1') + enabled + presence('p2') + presence('p3'));
    expect(acknowledged(3)).toBe(ack(2));
    expect(acknowledged(0)).toBe(ack(2));
    legs.read('to-client', presence('p4') + presence('p5') + presence('p6'));
    for (const [h, handled] of [[1, 2], [2, 2], [3, 3]] as const) expect(acknowledged(h)).toBe(ack(handled)); // prettier-ignore
  });

  it('does so once', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled + presence('p1') + presence('p2'));
    expect(acknowledged(2)).toBe(ack(2));
    expect(acknowledged(1)).toBe(ack(2));
    expect(() => legs.read('to-gatekeeper', ack(0))).toThrow(wrongCount);
  });

  it('has no surplus any more', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('p1') + presence('p2') + enabled);
    expect(acknowledged(2)).toBe(ack(0));
    expect(acknowledged(0)).toBe(ack(0));
    expect(() => legs.read('to-gatekeeper', ack(1))).toThrow(wrongCount);
  });

  it('is no gatekeeper', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled);
    legs.read('to-gatekeeper', presence('p1') + presence('p2'));
    legs.read('to-client', ack(2));
    expect(() => legs.read('to-client', ack(1))).toThrow(wrongCount);
  });
});

describe('stanzas before <enable/>', () => {
  it('may be counted, too, those before a refusal included', () => {
    legs.read('to-client', presence('p1'));
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', `${presence('p2')}<failed xmlns='${sm}'/>`);
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', presence('p3') + enabled + presence('p4'));
    expect(acknowledged(4)).toBe(ack(1));
    expect(acknowledged(1)).toBe(ack(1));
  });

  it('leave no room for more than there were', () => {
    legs.read('to-client', presence('p1') + presence('drop-2'));
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled);
    expect(() => legs.read('to-gatekeeper', ack(2))).toThrow(wrongCount);
  });

  it('leave none where there were none', () => {
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled);
    expect(() => legs.read('to-gatekeeper', ack(1))).toThrow(wrongCount);
  });
});

describe('a surplus', () => {
  it('is subtracted across the end of the counter at 2^32', () => {
    const last = 2 ** 32 - 1;
    const window = AckWindow.at({ sent: last, delivered: last }, { surplusMax: 2, mayRestart: false });
    // The client is two ahead: it is at 1 already.
    expect(window.acknowledge(1)).toBe(last);
    expect(window.copy().acknowledge(1)).toBe(last);
    for (let i = 0; i < 3; i += 1) window.pass();
    expect(window.acknowledge(1)).toBe(last);
    expect(window.acknowledge(3)).toBe(1);
    expect(window.acknowledge(4)).toBe(2);
    expect(() => window.acknowledge(3)).toThrow(wrongCount);
    expect(() => window.acknowledge(5)).toThrow(wrongCount);
  });
});
