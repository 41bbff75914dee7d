/** Peers that attack stream management: none gets at another's stream, or makes the proxy lose count of one. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AckWindow, runsMax } from '../../../src/session/stream-management/ack-window.ts';
import { defaultResumptionLimits, Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { Legs } from '../legs.ts';

const sm = 'urn:xmpp:sm:3';
const conditions = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const unexpected = `<failed xmlns='${sm}'><unexpected-request xmlns='${conditions}'/></failed>`;
const resume = (previd: string, h = 0): string => `<resume xmlns='${sm}' previd='${previd}' h='${h}'/>`;
const resumed = (previd: string, h = 0): string => `<resumed xmlns='${sm}' previd='${previd}' h='${h}'/>`;
const failed = `<failed xmlns='${sm}'/>`;
const enable = `<enable xmlns='${sm}' resume='true'/>`;
const enabled = (id: string): string => `<enabled xmlns='${sm}' id='${id}' resume='true'/>`;
const negotiation = expect.objectContaining({ code: 'ERR_GATEKEEPER_NEGOTIATION' });

let resumptions: Resumptions;

const connect = (): Legs => new Legs({ stages: [], resumptions });

function stream(account: string) {
  const windows = { toGatekeeper: new AckWindow(), toClient: new AckWindow() };
  const alias = { shownResource: undefined };
  return { id: account, startedAt: 1, account, resource: 'balcony', alias, ...windows };
}

beforeEach(() => {
  resumptions = new Resumptions();
});

describe('a client that has the identifier of another’s stream', () => {
  const victim = 'romeo@montague.example';

  beforeEach(() => {
    resumptions.remember('main', 'mine', stream('juliet@capulet.example'));
    resumptions.remember('main', 'theirs', stream(victim));
  });

  it('does not become its owner by asking for both while the gatekeeper resumes the first', () => {
    const legs = connect();
    legs.read('to-gatekeeper', resume('mine') + resume('theirs'));
    expect(legs.out['to-gatekeeper'].join('')).toBe(resume('mine'));
    expect(legs.out['to-client'].join('')).toBe(unexpected);
    legs.read('to-client', resumed('mine'));
    expect(legs.resumed).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ account: 'juliet@capulet.example' }),
    );
  });

  it('gets nothing from a gatekeeper that resumes another stream than the requested one', () => {
    const legs = connect();
    legs.read('to-gatekeeper', resume('theirs'));
    expect(() => legs.read('to-client', resumed('mine'))).toThrow(negotiation);
    expect(legs.resumed).not.toHaveBeenCalled();
  });

  it('does not make the proxy forget it when the gatekeeper refuses', () => {
    const legs = connect();
    legs.read('to-gatekeeper', resume('theirs', 0));
    legs.read('to-client', failed);
    expect(resumptions.find('main', 'theirs')).toBeDefined();
    legs.read('to-gatekeeper', resume('mine', 0));
    legs.read('to-client', failed);
    expect(resumptions.find('main', 'mine')).toBeUndefined();
  });

  it('finds nothing of it through another gatekeeper', () => {
    expect(resumptions.find('other', 'theirs')).toBeUndefined();
  });
});

describe('a stream that is counted', () => {
  let legs: Legs;

  beforeEach(() => {
    legs = connect();
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled('sm-1'));
    legs.read('to-gatekeeper', "<message id='m1'/><message id='m2'/>");
  });

  const counts = (): void => {
    legs.read('to-client', `<a xmlns='${sm}' h='2'/>`);
    expect(legs.failure).toBeUndefined();
    expect(() => legs.read('to-client', `<a xmlns='${sm}' h='3'/>`)).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
  };

  it.each([
    ['to be counted once more', enable],
    ['to resume an unknown stream', resume('elsewhere')],
    ['to resume itself', resume('sm-1')],
  ])('stays so when its client asks %s', (_, request) => {
    const before = legs.out['to-gatekeeper'].length;
    legs.read('to-gatekeeper', request);
    expect(legs.out['to-gatekeeper']).toHaveLength(before);
    expect(legs.out['to-client'].at(-1)).toBe(unexpected);
    counts();
  });

  it('stays so when the gatekeeper sends a failure without a request', () => {
    legs.read('to-client', failed);
    counts();
  });

  it('is not counted anew by an unrequested answer of a gatekeeper, nor stored under more than one name', () => {
    expect(() => legs.read('to-client', enabled('sm-2'))).toThrow(negotiation);
    expect(resumptions.find('main', 'sm-2')).toBeUndefined();
  });

  it('may be refused and requested again', () => {
    const other = connect();
    other.read('to-gatekeeper', `${enable}<message id='m1'/>`);
    other.read('to-client', failed);
    other.read('to-gatekeeper', enable);
    other.read('to-client', enabled('sm-2'));
    other.read('to-gatekeeper', "<message id='m2'/>");
    other.read('to-client', `<a xmlns='${sm}' h='1'/>`);
    expect(other.out['to-client'].at(-1)).toBe(`<a xmlns='${sm}' h='1'/>`);
  });
});

describe('an authentication with a resumption inside', () => {
  const authenticate = (inline = ''): string =>
    `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'>${inline}</authenticate>`;
  const success = (inline = ''): string =>
    `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>a@b/c</authorization-identifier>${inline}</success>`;
  const failure = "<failure xmlns='urn:xmpp:sasl:2'/>";

  it('that fails ends the failed resumption with it: the next one owes nothing', () => {
    const legs = connect();
    legs.read('to-gatekeeper', authenticate(resume('elsewhere')));
    legs.read('to-client', failure);
    legs.read('to-gatekeeper', authenticate());
    legs.read('to-client', success());
    expect(legs.out['to-client'].join('')).not.toContain('<failed');
  });

  it('that fails has no open request', () => {
    resumptions.remember('main', 'mine', stream('juliet@capulet.example'));
    const legs = connect();
    legs.read('to-gatekeeper', authenticate(resume('mine')));
    legs.read('to-client', failure);
    legs.read('to-gatekeeper', authenticate());
    expect(() => legs.read('to-client', success(resumed('mine')))).toThrow(negotiation);
    expect(legs.resumed).not.toHaveBeenCalled();
  });

  it.each([
    ['behind', (bound: string) => failed + bound],
    ['before', (bound: string) => bound + failed],
  ])('is counted when it was bound %s the failure instead', (_, inline) => {
    resumptions.remember('main', 'mine', stream('juliet@capulet.example'));
    const legs = connect();
    const bind = `<bind xmlns='urn:xmpp:bind:0'><enable xmlns='${sm}' resume='true'/></bind>`;
    legs.read('to-gatekeeper', authenticate(resume('mine') + bind));
    legs.read('to-client', success(inline(`<bound xmlns='urn:xmpp:bind:0'>${enabled('sm-2')}</bound>`)));
    expect(resumptions.find('main', 'sm-2')).toBeDefined();
    legs.read('to-gatekeeper', "<message id='m1'/>");
    expect(() => legs.read('to-client', `<a xmlns='${sm}' h='2'/>`)).toThrow(
      expect.objectContaining({ code: 'ERR_SM_COUNT' }),
    );
  });
});

describe('the memory of streams', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const hour = defaultResumptionLimits.resumptionMs;

  it('outlives any connection, and its end by the limit', () => {
    const legs = connect();
    legs.read('to-gatekeeper', enable);
    legs.read('to-client', enabled('sm-1'));
    vi.advanceTimersByTime(30 * hour);
    expect(resumptions.find('main', 'sm-1')).toBeDefined();
    void legs.relay.end();
    vi.advanceTimersByTime(hour - 1_000);
    expect(resumptions.find('main', 'sm-1')).toBeDefined();
    vi.advanceTimersByTime(2_000);
    expect(resumptions.find('main', 'sm-1')).toBeUndefined();
  });

  it('has the counts of the last connection, whichever ends last', () => {
    const first = connect();
    first.read('to-gatekeeper', enable);
    first.read('to-client', enabled('sm-1'));
    const second = connect();
    second.read('to-gatekeeper', resume('sm-1'));
    second.read('to-client', resumed('sm-1'));
    second.read('to-gatekeeper', "<message id='m1'/>");
    void second.relay.end();
    void first.relay.end();
    expect(resumptions.find('main', 'sm-1')!.toGatekeeper.runs).toBe(1);
  });

  it('is bounded in all, however much each has left unacknowledged', () => {
    const crowded = new Resumptions({ resumptionsMax: 10, resumptionBytesMax: 3 * 60 * runsMax });
    for (let n = 0; n < 10; n += 1) {
      const full = stream(`${n}`);
      for (let i = 0; i < runsMax / 2; i += 1) {
        full.toGatekeeper.pass();
        full.toGatekeeper.drop();
      }
      void crowded.release('main', `${n}`, full);
    }
    const kept = Array.from({ length: 10 }, (_, n) => crowded.find('main', `${n}`)).filter(
      (found) => found !== undefined,
    );
    expect(kept.map(({ id }) => id)).toEqual(['7', '8', '9']);
  });

  const { resumptionsPerAccountMax, resumptionRunsPerAccountMax } = defaultResumptionLimits;

  it('is not pushed out by a client that connects again and again: they push out their own', () => {
    void resumptions.release('main', 'victim', stream('juliet@capulet.example'));
    void resumptions.release('other', 'theirs', stream('tybalt@capulet.example'));
    const times = defaultResumptionLimits.resumptionsMax + 1;
    for (let n = 0; n < times; n += 1)
      void resumptions.release('main', `${n}`, stream('tybalt@capulet.example'));
    expect(resumptions.find('main', 'victim')).toBeDefined();
    expect(resumptions.find('other', 'theirs')).toBeDefined();
    expect(resumptions.find('main', `${times - resumptionsPerAccountMax}`)).toBeDefined();
    expect(resumptions.find('main', `${times - resumptionsPerAccountMax - 1}`)).toBeUndefined();
  });

  it('is not pushed out by a client that acknowledges nothing', () => {
    void resumptions.release('main', 'victim', stream('juliet@capulet.example'));
    for (let n = 0; n < 40; n += 1) {
      const full = stream('tybalt@capulet.example');
      for (let i = 0; i < runsMax / 2; i += 1) {
        full.toGatekeeper.pass();
        full.toGatekeeper.drop();
      }
      void resumptions.release('main', `${n}`, full);
    }
    expect(resumptions.find('main', 'victim')).toBeDefined();
    const kept = Array.from({ length: 40 }, (_, n) => `${n}`).filter((id) => resumptions.find('main', id));
    expect(kept).toHaveLength(resumptionRunsPerAccountMax / runsMax);
  });

  it('frees the memory of resumed, forgotten and expired streams', () => {
    vi.advanceTimersByTime(1);
    const few = new Resumptions({ resumptionsPerAccountMax: 2 });
    for (const id of ['a', 'b', 'a', 'a']) void few.release('main', id, stream('juliet@capulet.example'));
    few.forget('main', 'b');
    void few.release('main', 'c', stream('juliet@capulet.example'));
    expect(['a', 'b', 'c'].map((id) => few.find('main', id) !== undefined)).toEqual([true, false, true]);
    vi.advanceTimersByTime(hour + 1_000);
    expect(few.find('main', 'a')).toBeUndefined();
    for (const id of ['d', 'e']) void few.release('main', id, stream('juliet@capulet.example'));
    expect(['c', 'd', 'e'].map((id) => few.find('main', id) !== undefined)).toEqual([false, true, true]);
  });

  it('has no identifier longer than the protocol allows', () => {
    const long = 'x'.repeat(defaultResumptionLimits.identifierCharactersMax + 1);
    resumptions.remember('main', long, stream('a'));
    expect(resumptions.find('main', long)).toBeUndefined();
  });
});

describe('a resumed stream', () => {
  it('costs no more per stanza however much was sent twice', () => {
    const window = new AckWindow();
    for (let i = 0; i < runsMax / 4; i += 1) {
      window.wait();
      window.pass();
    }
    window.acknowledge(runsMax / 4);
    window.rewind();
    let repeated = 0;
    for (let i = 0; i < 4 * runsMax; i += 1) {
      if (window.repeats) {
        repeated += 1;
        window.drop();
      } else window.pass();
    }
    expect(repeated).toBe(runsMax / 4);
  }, 2_000);
});
