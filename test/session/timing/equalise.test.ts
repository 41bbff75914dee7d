/** Answers whose time is equalised, through every stage of the product, with the clock of the test. */
import { describe, expect, it } from 'vitest';
import { policyOf, policyText } from '../../policy/fixtures.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { connectThroughEveryStage } from '../every-stage.ts';
import type { Legs } from '../legs.ts';
import { VirtualTime } from './virtual-time.ts';

const sm = 'urn:xmpp:sm:3';
const romeo = 'romeo@montague.example/orchard';
const juliet = 'juliet@capulet.example/balcony';

/** The gatekeeper's side and the device's, and what the observer sees of the device. */
class Scene {
  readonly time = new VirtualTime();
  readonly reports: string[] = [];
  readonly #legs;
  #read = 0;
  readonly #seen: string[] = [];

  constructor(rules: string, limits: { readonly awaitedAnswersMax?: number } = {}) {
    const policy = policyOf(policyText(`{ gatekeeper: { ${rules} } }`));
    const { now, schedule } = this.time;
    this.#legs = connectThroughEveryStage(policy, 'phone', { now, schedule, limits, reports: this.reports });
  }

  /** The observer sends this, at this moment. */
  asks(at: number, xml: string): void {
    this.#advanceTo(at);
    this.#legs.read('to-client', xml);
    this.#take();
  }

  /** The device sends this, at this moment. */
  says(at: number, xml: string): void {
    this.#advanceTo(at);
    this.#legs.read('to-gatekeeper', xml);
    this.#take();
  }

  /** What has left since the last call, with the moment, until this one. */
  seen(until: number): string[] {
    this.#advanceTo(until);
    return this.#seen.splice(0);
  }

  #advanceTo(ms: number): void {
    while (this.time.step(ms)) this.#take();
  }

  #take(): void {
    const out = this.#legs.out['to-gatekeeper'];
    for (; this.#read < out.length; this.#read += 1) {
      const names = out[this.#read]!.matchAll(/<(?:message|iq|presence|a) [^>]*?(?:id|h)='([^']*)'/g);
      for (const [, name] of names) this.#seen.push(`${this.time.ms} ${name}`);
    }
  }

  /** What the device has learned of its stanzas. */
  get handled(): string[] {
    return this.#legs.out['to-client'].filter((text) => text.startsWith('<a '));
  }

  /** Number of requests for an acknowledgement that the gatekeeper has got. */
  get requests(): number {
    return this.#legs.out['to-gatekeeper'].join('').split('<r ').length - 1;
  }

  get failure(): unknown {
    return this.#legs.failure;
  }

  end(): void {
    void this.#legs.relay.end();
  }
}

const probe = (id: string): string =>
  `<message from='${romeo}' to='${juliet}' type='chat' id='${id}'><body>x</body><request xmlns='urn:xmpp:receipts'/></message>`;
const receipt = (id: string, of: string, more = ''): string =>
  `<message to='${romeo}' type='chat' id='${id}'><received xmlns='urn:xmpp:receipts' id='${of}'/>${more}</message>`;
const chat = (id: string): string => `<message to='${romeo}' type='chat' id='${id}'><body>x</body></message>`;
const ping = (id: string): string =>
  `<iq from='${romeo}' to='${juliet}' type='get' id='${id}'><ping xmlns='urn:xmpp:ping'/></iq>`;
const vCard = (id: string): string =>
  `<iq from='${romeo}' to='${juliet}' type='get' id='${id}'><vCard xmlns='vcard-temp'/></iq>`;
const jingle = (id: string): string =>
  `<iq from='${romeo}' to='${juliet}' type='set' id='${id}'><jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s1'/></iq>`;
const result = (id: string): string => `<iq to='${romeo}' type='result' id='${id}'/>`;

const receipts = 'receipt.delivered: { equalise: { after: 3s } }';

describe('an equalised receipt', () => {
  it('leaves a fixed time after its message was delivered, however soon it came', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1'));
    scene.says(1_350, receipt('r1', 'm1'));
    expect(scene.seen(10_000)).toEqual(['4000 r1']);
    expect(scene.reports).toEqual(['matched', 'answer waited 2650 ms']);
  });

  it('leaves at the next multiple when it comes later', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1'));
    scene.says(4_001, receipt('r1', 'm1'));
    expect(scene.seen(20_000)).toEqual(['7000 r1']);
  });

  it('delays nothing after it, and waits for nothing', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1') + probe('m2'));
    scene.says(1_300, receipt('r1', 'm1') + chat('f1') + receipt('r2', 'm2'));
    expect(scene.seen(1_300)).toEqual(['1300 f1']);
    expect(scene.seen(10_000)).toEqual(['4000 r1', '4000 r2']);
  });

  it('keeps its place when its stanza says more', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1'));
    scene.says(1_300, receipt('r1', 'm1', '<body>both</body>') + chat('f1'));
    expect(scene.seen(10_000)).toEqual(['4000 r1', '4000 f1']);
    expect(scene.reports).toEqual(['matched', 'message waited 2700 ms', 'message waited 2700 ms']);
  });

  it('falls on a coarse tick of the session when it names nothing that was delivered', () => {
    const scene = new Scene(receipts);
    scene.says(1_300, receipt('r1', 'm0'));
    scene.says(59_000, receipt('r2', 'm0'));
    scene.says(60_001, receipt('r3', 'm0'));
    expect(scene.seen(200_000)).toEqual(['60000 r1', '60000 r2', '120000 r3']);
    expect(scene.reports.slice(0, 2)).toEqual(['unmatched', 'unmatched']);
  });

  it('answers another party under the same id by itself', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1'));
    scene.says(1_300, receipt('r1', 'm1').replace(romeo, 'tybalt@capulet.example'));
    expect(scene.seen(60_000)).toEqual(['60000 r1']);
  });

  it('is timed by its own message when an id is sent again', () => {
    const scene = new Scene(receipts);
    scene.asks(1_000, probe('m1'));
    scene.asks(2_000, probe('m1'));
    scene.says(2_100, receipt('r1', 'm1'));
    scene.says(3_100, receipt('r2', 'm1'));
    expect(scene.seen(20_000)).toEqual(['4000 r1', '5000 r2']);
  });

  it('is timed by the delivery, not by when the proxy got the message', () => {
    // What comes after a delayed presence of the same contact waits with it.
    const policy = policyOf(
      policyText(
        `{ gatekeeper: { ${receipts} }, client: { presence.available: { delay: { up-to: 10s } } } }`,
      ),
    );
    const time = new VirtualTime();
    const legs = connectThroughEveryStage(policy, 'phone', { now: time.now, schedule: time.schedule });
    time.advanceTo(1_000);
    legs.read('to-client', `<presence from='${romeo}' to='${juliet}'/>${probe('m1')}`);
    time.advanceTo(6_000);
    expect(legs.ids('to-client')).toEqual(['m1']);
    time.advanceTo(6_350);
    legs.read('to-gatekeeper', receipt('r1', 'm1'));
    time.advanceTo(8_999);
    expect(legs.ids('to-gatekeeper')).toEqual([]);
    time.advanceTo(9_000);
    expect(legs.ids('to-gatekeeper')).toEqual(['r1']);
  });

  it('is found under an id that a room has given', () => {
    const scene = new Scene('receipt.read: { equalise: { after: 3s } }');
    const room = 'verona@rooms.example';
    scene.asks(
      1_000,
      `<message from='${room}/romeo' to='${juliet}' type='groupchat' id='m1'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' id='17' by='${room}'/></message>`,
    );
    scene.says(
      1_300,
      `<message to='${room}' type='groupchat' id='r1'><displayed xmlns='urn:xmpp:chat-markers:0' id='17'/></message>`,
    );
    expect(scene.seen(60_000)).toEqual(['4000 r1']);
  });

  it('is not what stands inside a forwarded message', () => {
    const scene = new Scene(receipts);
    const inside = receipt('x', 'm1').replace('<message ', "<message xmlns='jabber:client' ");
    scene.says(
      1_300,
      `<message to='${romeo}' id='r1'><forwarded xmlns='urn:xmpp:forward:0'>${inside}</forwarded></message>`,
    );
    expect(scene.seen(1_300)).toEqual(['1300 r1', '1300 x']);
  });
});

describe('stream management with equalised answers', () => {
  it('acknowledges to the device what has left, in its numbers', () => {
    const scene = new Scene(receipts);
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    scene.asks(1_000, probe('m1'));
    scene.says(1_300, receipt('r1', 'm1') + chat('f1'));
    // The gatekeeper has the message, which the device sent second.
    scene.asks(1_400, `<a xmlns='${sm}' h='1'/>`);
    expect(scene.handled).toEqual([`<a xmlns='${sm}' h='0'/>`]);
    expect(scene.seen(4_000)).toEqual(['1300 f1', '4000 r1']);
    scene.asks(4_100, `<a xmlns='${sm}' h='2'/>`);
    expect(scene.handled.at(-1)).toBe(`<a xmlns='${sm}' h='2'/>`);
    expect(scene.failure).toBeUndefined();
  });

  it('asks the gatekeeper again when a first acknowledgement stopped before what waited', () => {
    const scene = new Scene(receipts);
    const r = `<r xmlns='${sm}'/>`;
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    scene.asks(1_000, probe('m1') + probe('m2'));
    scene.says(1_300, receipt('r1', 'm1') + receipt('r2', 'm2') + chat('f1') + r);
    expect(scene.requests).toBe(1);
    scene.seen(4_000);
    // One for each that left; the device waits for an acknowledgement, and asks no more.
    expect(scene.requests).toBe(3);
    scene.asks(4_100, `<a xmlns='${sm}' h='3'/>`);
    expect(scene.handled).toEqual([`<a xmlns='${sm}' h='3'/>`]);
    // Nothing is left to ask for.
    scene.asks(5_000, probe('m3'));
    scene.says(5_100, receipt('r3', 'm3'));
    expect(scene.seen(9_000)).toEqual(['8000 r3']);
    expect(scene.requests).toBe(3);
  });

  it('does not ask again for a device that asks when nothing waits', () => {
    const scene = new Scene(receipts);
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    scene.says(900, chat('f1') + `<r xmlns='${sm}'/>`);
    scene.asks(1_000, probe('m1'));
    scene.says(1_300, receipt('r1', 'm1'));
    scene.seen(4_000);
    expect(scene.requests).toBe(1);
  });

  it.each([
    ['sends again what was not acknowledged', [receipt('r2', 'm2')]],
    ['sends nothing again', []],
  ])('loses no message of a device that %s when it resumes', (_, again) => {
    const resumptions = new Resumptions();
    const policy = policyOf(policyText(`{ gatekeeper: { ${receipts} } }`));
    const time = new VirtualTime();
    const open = (): Legs =>
      connectThroughEveryStage(policy, 'phone', { now: time.now, schedule: time.schedule, resumptions });
    const first = open();
    first.read('to-gatekeeper', `<enable xmlns='${sm}' resume='true'/>`);
    first.read('to-client', `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    first.read('to-client', probe('m1') + probe('m2'));
    first.read('to-gatekeeper', receipt('r1', 'm1') + chat('f1') + receipt('r2', 'm2'));
    void first.relay.end();
    const second = open();
    second.read('to-gatekeeper', `<resume xmlns='${sm}' previd='s1' h='2'/>`);
    second.read('to-client', `<resumed xmlns='${sm}' previd='s1' h='1'/>`);
    expect(second.out['to-client'].at(-1)).toContain(" h='2'");
    for (const stanza of [...again, chat('f2')]) second.read('to-gatekeeper', stanza);
    time.advanceTo(60_000);
    expect(second.ids('to-gatekeeper')).toEqual(again.length === 0 ? ['f2'] : ['f2', 'r2']);
  });

  it('drops what waits when the device leaves, unacknowledged', () => {
    const scene = new Scene(receipts);
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    scene.asks(1_000, probe('m1'));
    scene.says(1_300, receipt('r1', 'm1'));
    scene.asks(1_400, `<a xmlns='${sm}' h='0'/>`);
    scene.end();
    expect(scene.seen(60_000)).toEqual([]);
    expect(scene.handled).toEqual([`<a xmlns='${sm}' h='0'/>`]);
  });
});

describe('an acknowledgement that the gatekeeper asks for', () => {
  const rules = 'answer.acknowledgement: { equalise: { after: 3s } }';
  const managed = (rule = rules): Scene => {
    const scene = new Scene(rule);
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    return scene;
  };
  const r = `<r xmlns='${sm}'/>`;
  const a = (h: number): string => `<a xmlns='${sm}' h='${h}'/>`;

  it('leaves a fixed time after the request, with the count of when it was given', () => {
    const scene = managed();
    scene.asks(1_000, chat('m1') + r);
    scene.asks(1_200, chat('m2') + r);
    scene.says(1_350, a(1));
    scene.says(1_550, a(2));
    expect(scene.seen(10_000)).toEqual(['4000 1', '4200 2']);
  });

  it('is left out when a later one has left', () => {
    const scene = managed();
    scene.asks(1_000, chat('m1') + r + chat('m2') + r);
    scene.says(4_500, a(1));
    scene.says(4_500, a(2));
    expect(scene.seen(6_999)).toEqual([]);
    scene.asks(6_999, r);
    expect(scene.seen(10_000)).toEqual(['7000 1', '7000 2']);
    // The first answers late, the second in time.
    const late = managed();
    late.asks(1_000, chat('m1') + r);
    late.asks(1_100, chat('m2') + r);
    late.says(4_050, a(1));
    late.says(4_060, a(2));
    expect(late.seen(10_000)).toEqual(['4100 2']);
  });

  it('is passed on at once when it answers no request and is kept', () => {
    const scene = managed(`${receipts}, answer.acknowledgement: keep`);
    scene.asks(1_000, chat('m1'));
    scene.says(1_350, a(1));
    expect(scene.seen(1_350)).toEqual(['1350 1']);
  });
});

describe("an acknowledgement that the proxy asks for in the device's place", () => {
  it('is timed by its own request, and leaves those after it theirs', () => {
    const r = `<r xmlns='${sm}'/>`;
    const policy = policyOf(
      policyText(
        `{ gatekeeper: { ${receipts} }, client: { answer.acknowledgement: { equalise: { after: 2s } } } }`,
      ),
    );
    const time = new VirtualTime();
    const legs = connectThroughEveryStage(policy, 'phone', { now: time.now, schedule: time.schedule });
    const acknowledged = (): number[] =>
      [...legs.out['to-client'].join('').matchAll(/<a [^>]*h='(\d+)'/g)].map(([, h]) => Number(h));
    legs.read('to-gatekeeper', `<enable xmlns='${sm}' resume='true'/>`);
    legs.read('to-client', `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    time.advanceTo(1_000);
    legs.read('to-client', probe('m1'));
    legs.read('to-gatekeeper', receipt('r1', 'm1') + chat('f1') + r);
    legs.read('to-client', `<a xmlns='${sm}' h='1'/>`);
    time.advanceTo(3_000);
    expect(acknowledged()).toEqual([0]);
    // The receipt has left, and the proxy has asked.
    time.advanceTo(4_100);
    legs.read('to-client', `<a xmlns='${sm}' h='2'/>`);
    legs.read('to-gatekeeper', chat('f2') + r);
    legs.read('to-client', `<a xmlns='${sm}' h='3'/>`);
    time.advanceTo(5_999);
    expect(acknowledged()).toEqual([0]);
    time.advanceTo(6_000);
    expect(acknowledged()).toEqual([0, 2]);
    time.advanceTo(6_100);
    expect(acknowledged()).toEqual([0, 2, 3]);
  });
});

describe('limits.awaitedAnswersMax', () => {
  it('forgets the oldest delivery, and drops what may answer it instead of showing when it came', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 3 });
    for (const id of ['m1', 'm2', 'm3', 'm4']) scene.asks(1_000, probe(id));
    for (const id of ['1', '2', '3', '4']) scene.says(1_350, receipt(`r${id}`, `m${id}`));
    expect(scene.seen(200_000)).toEqual(['4000 r2', '4000 r3', '4000 r4']);
    expect(scene.reports.filter((report) => report === 'dropped')).toHaveLength(1);
  });

  it('forgets one delivery at a time of those with one id', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 3 });
    scene.asks(1_000, probe('m1'));
    for (const id of ['m1', 'm2', 'm3']) scene.asks(2_000, probe(id));
    scene.says(2_350, receipt('r1', 'm1'));
    expect(scene.seen(200_000)).toEqual(['5000 r1']);
  });

  it('keeps the order of deliveries while room for them is made', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 50 });
    for (let n = 0; n < 90; n += 1) scene.asks(n * 10, probe(`m${n}`));
    for (let n = 40; n < 90; n += 1) scene.says(900, receipt(`r${n}`, `m${n}`));
    expect(scene.seen(200_000)).toEqual(Array.from({ length: 50 }, (_, n) => `${3_400 + n * 10} r${n + 40}`));
  });

  it('is not used up by the presences of a room', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 3 });
    scene.asks(1_000, probe('m1'));
    for (let n = 0; n < 10; n += 1) scene.asks(1_000, `<presence from='r@rooms.example/${n}' id='p${n}'/>`);
    scene.says(1_350, receipt('r1', 'm1'));
    expect(scene.seen(60_000)).toEqual(['4000 r1']);
  });

  it('drops an answer for which there is no room, and keeps the time of the others', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 3 });
    for (const id of ['1', '2', '3', '4']) scene.says(1_350, receipt(`r${id}`, 'm0'));
    expect(scene.seen(60_000)).toEqual(['60000 r1', '60000 r2', '60000 r3']);
  });

  it('counts a dropped answer as handled', () => {
    const scene = new Scene(receipts, { awaitedAnswersMax: 1 });
    scene.says(0, `<enable xmlns='${sm}' resume='true'/>`);
    scene.asks(0, `<enabled xmlns='${sm}' id='s1' resume='true'/>`);
    scene.says(1_350, receipt('r1', 'm0') + receipt('r2', 'm0'));
    scene.seen(60_000);
    scene.asks(60_100, `<a xmlns='${sm}' h='1'/>`);
    expect(scene.handled).toEqual([`<a xmlns='${sm}' h='2'/>`]);
  });
});

describe('answers to requests', () => {
  it('are timed as the field of their request says', () => {
    const scene = new Scene(
      'answer.ping: { equalise: { after: 2s } }, answer.iq: { equalise: { after: 3s } }, answer.jingle: keep',
    );
    scene.asks(1_000, ping('q1') + jingle('q2') + vCard('q3'));
    scene.says(1_350, result('q1') + result('q2') + result('q3'));
    expect(scene.seen(10_000)).toEqual(['1350 q2', '3000 q1', '4000 q3']);
  });

  it('are not delayed where only the answers to others are', () => {
    const scene = new Scene('answer.ping: { equalise: { after: 2s } }');
    scene.asks(1_000, ping('q1') + jingle('q2'));
    scene.says(1_350, result('q1') + result('q2'));
    expect(scene.seen(10_000)).toEqual(['1350 q2', '3000 q1']);
  });

  it('of the account itself are found with and without its address', () => {
    const scene = new Scene('answer.iq: { equalise: { after: 3s } }');
    const push = (id: string, from: string): string =>
      `<iq ${from} type='set' id='${id}'><query xmlns='jabber:iq:roster'/></iq>`;
    scene.asks(1_000, push('q1', "from='juliet@capulet.example'") + push('q2', ''));
    scene.says(1_350, "<iq type='result' id='q1'/><iq to='juliet@capulet.example' type='result' id='q2'/>");
    expect(scene.seen(10_000)).toEqual(['4000 q1', '4000 q2']);
  });

  it('are given by the proxy where the policy says so', () => {
    const scene = new Scene('answer.ping: { answer: {} }, answer.disco-items: { answer: {} }');
    scene.asks(1_000, ping('q1'));
    expect(scene.seen(1_000)).toEqual(['1000 q1']);
  });
});
