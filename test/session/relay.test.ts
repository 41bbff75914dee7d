import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { AckWindow } from '../../src/session/stream-management/ack-window.ts';
import { Resumptions } from '../../src/session/stream-management/resumptions.ts';
import type { StageFactory, StagePort } from '../../src/session/stage.ts';
import { defaultDelayLimits } from '../../src/session/delay-queue.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { HeldStanza, Disposition } from '../../src/stanza/verdict.ts';
import { Legs } from './legs.ts';

const sm = 'urn:xmpp:sm:3';
const forwarded: Disposition = { kind: 'forward' };

/** Legs with one stage, which judges by the id of a stanza. */
class Bench extends Legs {
  port!: StagePort;
  readonly held: HeldStanza[] = [];

  constructor(
    judge: (name: string, direction: Direction, bench: Bench) => Disposition,
    resumptions?: Resumptions,
    id?: string,
  ) {
    const made: { bench?: Bench; port?: StagePort } = {};
    const stage: StageFactory = {
      name: 'test',
      begin: (given) => {
        made.port = given;
        return {
          judge: (stanza, direction) =>
            stanza.kind === 'nonza'
              ? forwarded
              : judge(stanza.attributeValue(0, 'id') ?? '', direction, made.bench!),
        };
      },
    };
    super({
      stages: [stage],
      ...(resumptions === undefined ? {} : { resumptions }),
      ...(id === undefined ? {} : { id }),
    });
    made.bench = this;
    this.port = made.port!;
  }
}

const hold = (bench: Bench): Disposition => ({ kind: 'hold', keep: (held) => bench.held.push(held) });
const message = (id: string, to = 'romeo@montague.example'): string => `<message to='${to}' id='${id}'/>`;

describe('the relay', () => {
  it('passes a stanza that no stage changes in its own bytes', () => {
    const bench = new Bench(() => forwarded);
    bench.read('to-gatekeeper', `<message  to="a@b" id='m1' ><body>&#x68;i</body></message >`);
    expect(bench.out['to-gatekeeper']).toEqual([
      `<message  to="a@b" id='m1' ><body>&#x68;i</body></message >`,
    ]);
  });

  it.each([
    ['a CDATA section', "<message to='a@b'><body>x<![CDATA[<]]>y</body></message>", "<message to='a@b'><body>x&lt;y</body></message>"],
    ['line ends', '<message><body>a\r\nb</body></message>', '<message><body>a\nb</body></message>'],
    ['white space in a value', "<message id='a\tb'/>", "<message id='a b'/>"],
    ['a nonza with either', `<r xmlns='${sm}'><![CDATA[x]]></r>`, `<r xmlns='${sm}'>x</r>`],
  ])('writes the normal form where parsers differ: %s', (_, came, left) => {
    const bench = new Bench(() => forwarded);
    bench.read('to-client', came);
    expect(bench.out['to-client']).toEqual([left]);
  }); // prettier-ignore

  it('closes the stream of a peer whose stanza becomes many times as long', () => {
    const bench = new Bench(() => forwarded);
    const name = `urn:${'x'.repeat(1_000)}`;
    expect(() =>
      bench.read(
        'to-gatekeeper',
        `<message xmlns:p='${name}'><![CDATA[]]>${'<p:x/>'.repeat(1_000)}</message>`,
      ),
    ).toThrow(expect.objectContaining({ code: 'ERR_NORMAL_FORM_GROWTH', condition: 'policy-violation' }));
    expect(bench.out['to-gatekeeper']).toEqual([]);
  });

  it('writes the normal form of an edited stanza and fills it up to its bucket', () => {
    const bench = new Bench(() => ({
      kind: 'forward',
      edits: [{ start: 0, end: 8, replacement: Buffer.from('<message type="chat"') }],
      normalise: true,
      padTo: [64, 128],
    }));
    bench.read('to-gatekeeper', `<message to="a@b"   id="m1"><body><![CDATA[x]]></body></message>`);
    const [left] = bench.out['to-gatekeeper'];
    expect(left!.trimEnd()).toBe(`<message id='m1' to='a@b' type='chat'><body>x</body></message>`);
    expect(left).toHaveLength(64);
  });

  it('answers for a stanza that a stage drops, to its sender', () => {
    const bench = new Bench(() => ({ kind: 'drop', reply: Buffer.from("<iq type='error' id='q'/>") }));
    bench.read('to-gatekeeper', "<iq type='get' id='q'/>");
    expect(bench.out).toEqual({ 'to-gatekeeper': [], 'to-client': ["<iq type='error' id='q'/>"] });
  });

  it('keeps order after a held stanza between the same two parties, and lets others overtake', () => {
    const bench = new Bench((id, _, self) => (id === 'held' ? hold(self) : forwarded));
    bench.read(
      'to-gatekeeper',
      message('held') + message('m2', 'romeo@montague.example/x') + message('m3', 'c@d'),
    );
    expect(bench.ids('to-gatekeeper')).toEqual(['m3']);
    bench.held[0]!.release();
    expect(bench.ids('to-gatekeeper')).toEqual(['m3', 'held', 'm2']);
  });

  it('sends the stanzas that wait after a held one when that is dropped', () => {
    const bench = new Bench((id, _, self) => (id === 'held' ? hold(self) : forwarded));
    bench.read('to-gatekeeper', message('held') + message('m2'));
    bench.held[0]!.drop();
    expect(bench.ids('to-gatekeeper')).toEqual(['m2']);
  });

  it('delays in order, and discards the queue when the session ends', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const bench = new Bench((id) =>
        id.startsWith('slow') ? { kind: 'forward', delayMs: 1_000 } : forwarded,
      );
      bench.read('to-gatekeeper', message('slow1') + message('m2') + message('m3', 'c@d'));
      expect(bench.ids('to-gatekeeper')).toEqual(['m3']);
      vi.advanceTimersByTime(999);
      expect(bench.ids('to-gatekeeper')).toEqual(['m3']);
      vi.advanceTimersByTime(2);
      expect(bench.ids('to-gatekeeper')).toEqual(['m3', 'slow1', 'm2']);
      bench.read('to-gatekeeper', message('slow4'));
      void bench.relay.end();
      vi.advanceTimersByTime(5_000);
      expect(bench.ids('to-gatekeeper')).toEqual(['m3', 'slow1', 'm2']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends delays rather than letting more wait than it may, and refuses a crowd after a held stanza', () => {
    const slow = new Bench(() => ({ kind: 'forward', delayMs: 60_000 }));
    for (let i = 0; i <= defaultDelayLimits.waitingMax; i += 1) slow.read('to-gatekeeper', message(`m${i}`));
    expect(slow.ids('to-gatekeeper')).toHaveLength(defaultDelayLimits.waitingMax + 1);
    void slow.relay.end();
    const held = new Bench((_, __, self) => hold(self));
    expect(() => {
      for (let i = 0; i <= defaultDelayLimits.waitingMax; i += 1)
        held.read('to-gatekeeper', message(`m${i}`));
    }).toThrow(expect.objectContaining({ code: 'ERR_WAITING' }));
  });

  it('sends stanzas of the proxy, and ones seen before once more', () => {
    const bench = new Bench((id, _, self) => (id === 'held' ? hold(self) : forwarded));
    bench.read('to-gatekeeper', message('held'));
    bench.port.inject('to-client', Buffer.from("<iq type='get' id='own'/>"));
    bench.port.repeat('to-gatekeeper', bench.held[0]!.stanza);
    expect(bench.ids('to-client')).toEqual(['own']);
    bench.held[0]!.release();
    expect(bench.ids('to-gatekeeper')).toEqual(['held', 'held']);
  });
});

describe('stream management through the relay', () => {
  const enable = (bench: Bench): void => {
    bench.read('to-gatekeeper', `<enable xmlns='${sm}' resume='true'/>`);
    bench.read('to-client', `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`);
  };

  it('agrees with the stanzas that each end sent and received, for any traffic, drops, answers, delays and injections', () => {
    const action = fc.record({
      kind: fc.constantFrom('send', 'send', 'send', 'acknowledge', 'release', 'inject'),
      toGatekeeper: fc.boolean(),
      fate: fc.constantFrom('pass', 'pass', 'drop', 'answer', 'hold', 'edit'),
      to: fc.constantFrom('a@b', 'c@d', 'e@f'),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const bench = new Bench((id, _, self) => {
          if (id.includes('drop')) return { kind: 'drop' };
          if (id.includes('answer'))
            return { kind: 'drop', reply: Buffer.from(`<iq type='error' id='answer-of-${id}'/>`) };
          if (id.includes('hold')) return hold(self);
          if (id.includes('edit'))
            return {
              kind: 'forward',
              edits: [{ start: 8, end: 8, replacement: Buffer.from(" type='chat'") }],
            };
          return forwarded;
        });
        enable(bench);
        const sent: Record<Direction, string[]> = { 'to-gatekeeper': [], 'to-client': [] };
        actions.forEach(({ kind, toGatekeeper, fate, to }, index) => {
          const direction: Direction = toGatekeeper ? 'to-gatekeeper' : 'to-client';
          if (kind === 'send') {
            const id = `${fate}-${index}`;
            sent[direction].push(id);
            const party = toGatekeeper ? 'to' : 'from';
            bench.read(direction, `<message ${party}='${to}' id='${id}'/>`);
          } else if (kind === 'release') bench.held.shift()?.release();
          else if (kind === 'inject')
            bench.port.inject(direction, Buffer.from(`<iq type='get' id='own-${index}'/>`));
          else {
            // The receiver has handled all it was sent. What the sender learns must be the longest run of its own
            // stanzas that have arrived or ended.
            const received = bench.ids(direction);
            const back: Direction = toGatekeeper ? 'to-client' : 'to-gatekeeper';
            bench.read(back, `<a xmlns='${sm}' h='${received.length}'/>`);
            const told = Number(/h='([0-9]+)'/.exec(bench.out[back].join('').split('<a ').at(-1)!)![1]);
            const open = sent[direction].findIndex((id) =>
              id.startsWith('hold') || id.startsWith('pass') || id.startsWith('edit')
                ? !received.includes(id)
                : false,
            );
            expect(told).toBe(open === -1 ? sent[direction].length : open);
          }
        });
        expect(bench.failure).toBeUndefined();
        void bench.relay.end();
      }),
      { numRuns: 300 },
    );
  });

  it('resumes on the same process: counts continue, and stanzas that arrived are not delivered twice', () => {
    const resumptions = new Resumptions();
    const judge = (id: string): Disposition => (id.startsWith('drop') ? { kind: 'drop' } : forwarded);
    const first = new Bench(judge, resumptions);
    enable(first);
    first.read('to-gatekeeper', message('m1') + message('drop2') + message('m3'));
    first.read('to-client', message('n1'));
    first.port.inject('to-client', Buffer.from("<iq type='get' id='own'/>"));
    void first.relay.end();

    const second = new Bench(judge, resumptions, 's2');
    // The client has n1 and the proxy's own; the gatekeeper has m1 only: m3 was lost.
    second.read('to-gatekeeper', `<resume xmlns='${sm}' previd='sm-1' h='2'/>`);
    expect(second.out['to-gatekeeper'].at(-1)).toBe(`<resume xmlns='${sm}' previd='sm-1' h='1'/>`);
    second.read('to-client', `<resumed xmlns='${sm}' previd='sm-1' h='1'/>`);
    expect(second.out['to-client'].at(-1)).toBe(`<resumed xmlns='${sm}' previd='sm-1' h='2'/>`);
    expect(second.resumed).toHaveBeenCalledWith(expect.objectContaining({ id: 's1' }));
    second.read('to-gatekeeper', message('m3'));
    second.read('to-client', `<a xmlns='${sm}' h='2'/>`);
    expect(second.out['to-client'].at(-1)).toBe(`<a xmlns='${sm}' h='3'/>`);
    second.read('to-client', message('n2'));
    second.read('to-gatekeeper', `<a xmlns='${sm}' h='3'/>`);
    expect(second.out['to-gatekeeper'].at(-1)).toBe(`<a xmlns='${sm}' h='2'/>`);
  });

  it('agrees over a long resumed stream whose counts wrap around at 2^32, at each end at another time', () => {
    const last = 2 ** 32;
    const random = fc.sample(fc.integer({ min: 0, max: 9 }), { numRuns: 20_000, seed: 7 });
    const resumptions = new Resumptions();
    // The client has sent more than the gatekeeper was passed on, and was sent more than the gatekeeper has sent.
    const sent = { client: last - 3_000, gatekeeper: last - 9_000 };
    const received = { gatekeeper: last - 5_000, client: last - 4_000 };
    resumptions.remember('main', 'sm-1', {
      id: 's1',
      startedAt: 1,
      alias: { shownResource: undefined },
      account: 'juliet@capulet.example',
      resource: 'balcony',
      toGatekeeper: AckWindow.at({ sent: sent.client, delivered: received.gatekeeper }),
      toClient: AckWindow.at({ sent: sent.gatekeeper, delivered: received.client }),
    });
    const bench = new Bench(
      (id) => (id.startsWith('drop') ? { kind: 'drop' } : forwarded),
      resumptions,
      's2',
    );
    bench.read('to-gatekeeper', `<resume xmlns='${sm}' previd='sm-1' h='${received.client}'/>`);
    bench.read('to-client', `<resumed xmlns='${sm}' previd='sm-1' h='${received.gatekeeper}'/>`);
    expect(bench.out['to-gatekeeper'].at(-1)).toContain(`h='${sent.gatekeeper}'`);
    expect(bench.out['to-client'].at(-1)).toContain(`h='${sent.client}'`);
    let wraps = 0;
    const acknowledge = (direction: Direction, handled: number, expected: number): void => {
      if (handled >= last || expected >= last) wraps += 1;
      bench.read(direction, `<a xmlns='${sm}' h='${handled % last}'/>`);
      expect(bench.out[direction].at(-1)).toBe(`<a xmlns='${sm}' h='${expected % last}'/>`);
    };
    random.forEach((chance, index) => {
      const name = chance < 3 ? 'drop' : 'pass';
      if (index % 2 === 0) {
        bench.read('to-gatekeeper', message(`${name}-${index}`));
        sent.client += 1;
        if (name === 'pass') received.gatekeeper += 1;
      } else {
        bench.read('to-client', message(`${name}-${index}`));
        sent.gatekeeper += 1;
        if (name === 'pass') received.client += 1;
      }
      if (chance === 9) {
        bench.port.inject('to-client', Buffer.from("<iq type='get' id='own'/>"));
        received.client += 1;
      }
      if (index % 97 === 0) {
        acknowledge('to-client', received.gatekeeper, sent.client);
        acknowledge('to-gatekeeper', received.client, sent.gatekeeper);
      }
    });
    expect(bench.failure).toBeUndefined();
    expect(wraps).toBeGreaterThan(100);
  });

  it('fails a resumption cleanly on another process', () => {
    const bench = new Bench(() => forwarded);
    bench.read('to-gatekeeper', `<resume xmlns='${sm}' previd='elsewhere' h='2'/>`);
    expect(bench.out['to-gatekeeper']).toEqual([]);
    expect(bench.out['to-client'].join('')).toBe(
      `<failed xmlns='${sm}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
    );
  });

  it('does the same inside an authentication (XEP-0388)', () => {
    const bench = new Bench(() => forwarded);
    bench.read(
      'to-gatekeeper',
      `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'><resume xmlns='${sm}' previd='elsewhere' h='2'/></authenticate>`,
    );
    expect(bench.out['to-gatekeeper'].join('')).toBe(
      `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'></authenticate>`,
    );
    bench.read(
      'to-client',
      "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@b/c</authorization-identifier></success>",
    );
    expect(bench.out['to-client'].join('')).toContain(
      `</authorization-identifier><failed xmlns='${sm}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed></success>`,
    );
  });

  it('closes the stream of a peer that acknowledges stanzas it was not sent', () => {
    const bench = new Bench(() => forwarded);
    enable(bench);
    expect(() => bench.read('to-client', `<a xmlns='${sm}' h='1'/>`)).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
    expect(() => bench.read('to-gatekeeper', `<a xmlns='${sm}' h='x'/>`)).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
  });
});
