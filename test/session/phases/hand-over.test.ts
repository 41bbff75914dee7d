/** A session that ends so that another connection may resume its stream (XEP-0198 §5): at the drain of a replica. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StageFactory } from '../../../src/session/stage.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { StreamRecords } from '../../../src/session/stream-management/stream-records.ts';
import { StateUnavailable, type StateStore } from '../../../src/state/store.ts';
import { memoryState } from '../../support/state.ts';
import { conditionIn, Conversation, ManualClock, message, settled } from '../conversation.ts';

const sm = 'urn:xmpp:sm:3';
const enable = `<enable xmlns='${sm}' resume='true'/>`;
const enabled = `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`;
const ack = (h: number): string => `<a xmlns='${sm}' h='${h}'/>`;
const resume = (h: number): string => `<resume xmlns='${sm}' previd='sm-1' h='${h}'/>`;
const resumed = (h: number): string => `<resumed xmlns='${sm}' previd='sm-1' h='${h}'/>`;
const bind =
  "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@capulet.example/balcony</jid></bind></iq>";

/** Drops messages that say `drop`, and delays those that say `slow` by a minute. */
const treatments: StageFactory = {
  name: 'test',
  begin: () => ({
    judge(stanza) {
      const text =
        stanza.kind === 'message'
          ? Buffer.from(stanza.bytes).toString('latin1', stanza.start, stanza.end)
          : '';
      if (text.includes('drop')) return { kind: 'drop' };
      return text.includes('slow') ? { kind: 'forward', delayMs: 60_000 } : { kind: 'forward' };
    },
  }),
};

let resumptions: Resumptions;
const talks: Conversation[] = [];

async function begin(): Promise<Conversation> {
  const talk = new Conversation({ resumptions, stages: [treatments] });
  talks.push(talk);
  return await talk.established();
}

/** With stream management on, as the client and the gatekeeper have asked. */
async function managed(answer = enabled): Promise<Conversation> {
  const talk = await begin();
  await talk.gatekeeper.says(bind);
  await talk.client.says(enable);
  await talk.gatekeeper.says(answer);
  talk.client.news();
  talk.gatekeeper.news();
  return talk;
}

beforeEach(() => {
  resumptions = new Resumptions({ resumptionsMax: 100 });
});
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

describe('a session that is handed over', () => {
  it('ends both connections silently', async () => {
    const talk = await managed();
    await talk.session.handOver();
    await settled();
    expect([talk.client.heard, talk.client.ended]).toEqual(['', 'closed']);
    expect([talk.gatekeeper.heard, talk.gatekeeper.ended]).toEqual(['', 'closed']);
    await talk.session.done;
    expect(talk.closed).toBe('ERR_SHUTDOWN');
    expect(talk.refusal).toBeUndefined();
  });

  it('has passed on what it has read before, and passes on nothing that comes later', async () => {
    const talk = await managed();
    await talk.client.says(message('one'));
    await talk.gatekeeper.says(message('two'));
    await talk.session.handOver();
    await talk.client.says(message('three'));
    await talk.gatekeeper.says(message('four'));
    expect(talk.gatekeeper.heard).toBe(message('one'));
    expect(talk.client.heard).toBe(message('two'));
  });

  it('acknowledges to neither side what the other has not acknowledged', async () => {
    const talk = await managed();
    await talk.client.says(message('one') + message('two'));
    await talk.gatekeeper.says(message('three') + message('four'));
    await talk.session.handOver();
    const next = await begin();
    await next.client.says(resume(1));
    expect(next.gatekeeper.news()).toBe(resume(1));
    await next.gatekeeper.says(resumed(1));
    expect(next.client.news()).toBe(resumed(1));
    // Both repeat what was lost.
    await next.client.says(message('two') + message('five'));
    await next.gatekeeper.says(message('four') + ack(3));
    expect(next.gatekeeper.news()).toBe(message('two') + message('five'));
    expect(next.client.news()).toBe(message('four') + ack(3));
    await next.client.says(ack(2));
    expect(next.gatekeeper.news()).toBe(ack(2));
  });

  it('keeps the counts apart where stanzas were dropped', async () => {
    const talk = await managed();
    await talk.client.says(message('drop') + message('one') + message('drop') + message('two'));
    await talk.gatekeeper.says(message('drop') + message('drop') + message('three'));
    await talk.session.handOver();
    const next = await begin();
    // The client has one of the gatekeeper's three; the gatekeeper has one of the client's four.
    await next.client.says(resume(1));
    expect(next.gatekeeper.news()).toBe(resume(3));
    await next.gatekeeper.says(resumed(1));
    // What was dropped before the message that is missing is handled.
    expect(next.client.news()).toBe(resumed(3));
    await next.client.says(message('two'));
    await next.gatekeeper.says(ack(2));
    expect(next.gatekeeper.news()).toBe(message('two'));
    expect(next.client.news()).toBe(ack(4));
  });

  it('leaves a stanza that waits to its sender, who sends it again', async () => {
    const talk = await managed();
    await talk.client.says(message('slow'));
    await talk.gatekeeper.says(message('slow'));
    await talk.session.handOver();
    const next = await begin();
    await next.client.says(resume(0));
    await next.gatekeeper.says(resumed(0));
    expect([next.gatekeeper.news(), next.client.news()]).toEqual([resume(0), resumed(0)]);
    await next.client.says(message('slow'));
    await next.gatekeeper.says(message('slow'));
    next.clock.advance(60_001);
    await settled();
    expect([next.gatekeeper.news(), next.client.news()]).toEqual([message('slow'), message('slow')]);
  });

  it('does not touch a stream that another connection has resumed already', async () => {
    const talk = await managed();
    const next = await begin();
    await next.client.says(resume(0));
    await next.gatekeeper.says(resumed(0));
    await next.client.says(message('drop') + message('one'));
    await talk.session.handOver();
    await settled();
    expect([talk.client.heard, talk.gatekeeper.heard]).toEqual(['', '']);
    await next.session.handOver();
    const last = await begin();
    await last.client.says(resume(0));
    await last.gatekeeper.says(resumed(1));
    expect(last.client.news()).toBe(resumed(2));
  });

  it('can be handed over again', async () => {
    const first = await managed();
    await first.client.says(message('drop') + message('one'));
    await first.session.handOver();
    const second = await begin();
    await second.client.says(resume(0));
    await second.gatekeeper.says(resumed(1));
    await second.session.handOver();
    const third = await begin();
    await third.client.says(resume(0));
    await third.gatekeeper.says(resumed(1));
    expect(third.client.news()).toBe(resumed(2));
  });
});

describe('a session that loses its gatekeeper', () => {
  it('loses its client too, so that every library resumes', async () => {
    const talk = await managed();
    await talk.gatekeeper.says(message('one'));
    await talk.gatekeeper.hangsUp();
    expect([talk.client.heard, talk.client.ended]).toEqual([message('one'), 'closed']);
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_CLOSED');
  });

  it('keeps the counts of a stream that is resumed', async () => {
    const talk = await managed();
    await talk.client.says(message('drop') + message('one'));
    await talk.gatekeeper.hangsUp();
    const next = await begin();
    await next.client.says(resume(0));
    await next.gatekeeper.says(resumed(1));
    expect(next.client.news()).toBe(resumed(2));
  });

  it.each([
    ['stream management is off', begin],
    ['the gatekeeper promises no resumption', () => managed(`<enabled xmlns='${sm}'/>`)],
  ])('sends its client an error where %s', async (_, talking) => {
    const talk = await talking();
    await talk.gatekeeper.hangsUp();
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_CLOSED');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
  });
});

describe('a session that has lasted long enough', () => {
  it('is handed over where its stream can be resumed', async () => {
    const talk = new Conversation({ resumptions, sessionAgeMs: () => 60_000 });
    talks.push(talk);
    await talk.established();
    await talk.gatekeeper.says(bind);
    await talk.client.says(enable);
    await talk.gatekeeper.says(enabled);
    talk.client.news();
    talk.gatekeeper.news();
    talk.clock.advance(60_001);
    await settled();
    expect([talk.client.heard, talk.gatekeeper.heard]).toEqual(['', '']);
    expect(talk.closed).toBe('ERR_SESSION_AGE');
  });

  it('is ended with `reset` where not', async () => {
    const talk = new Conversation({ resumptions, sessionAgeMs: () => 60_000 });
    talks.push(talk);
    await talk.established();
    talk.clock.advance(60_001);
    await settled();
    expect(conditionIn(talk.client.heard)).toBe('reset');
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
  });
});

describe('a session whose stream cannot be resumed', () => {
  const goodbye = async (talk: Conversation): Promise<void> => {
    await talk.session.handOver();
    await settled();
    expect(conditionIn(talk.client.heard)).toBe('system-shutdown');
    expect(talk.closed).toBe('ERR_SHUTDOWN');
  };

  it('is shut down where stream management is off', async () => {
    const talk = await begin();
    await goodbye(talk);
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
  });

  it('is shut down where the gatekeeper promises no resumption', async () => {
    const talk = await managed(`<enabled xmlns='${sm}'/>`);
    await goodbye(talk);
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
  });

  it('is shut down before it is established', async () => {
    const talk = new Conversation({ resumptions });
    talks.push(talk);
    await talk.offered();
    await goodbye(talk);
  });
});

describe('a session that is handed over to another replica', () => {
  /** What the replicas have in common. `answer` lets pending writes happen, or fail. */
  const memory = memoryState();
  let answers: ((outcome: 'written' | 'lost') => void)[];
  const state: StateStore = {
    shared: true,
    epoch: 0,
    get: (kind, name) => memory.get(kind, name),
    claim: (kind, name, value, ttlMs) => memory.claim(kind, name, value, ttlMs),
    delete: (kind, name) => memory.delete(kind, name),
    async set(kind, name, value, ttlMs) {
      const { promise, resolve } = Promise.withResolvers<'written' | 'lost'>();
      answers.push(resolve);
      if ((await promise) === 'lost') throw new StateUnavailable();
      await memory.set(kind, name, value, ttlMs);
    },
  };

  /** A replica, whose looks for changed streams are not of interest here. */
  function replica(): void {
    const { now, schedule } = new ManualClock();
    const records = new StreamRecords({ state, lifeMs: 60_000, now: () => now, schedule });
    resumptions = new Resumptions({ resumptionsMax: 100 }, undefined, records);
  }

  const answer = async (outcome: 'written' | 'lost'): Promise<void> => {
    for (const settle of answers.splice(0)) settle(outcome);
    await settled();
  };

  beforeEach(() => {
    answers = [];
    replica();
  });
  afterEach(() => answer('written'));

  it('ends its connections when its counts are written, and passes nothing on meanwhile', async () => {
    const talk = await managed();
    await talk.client.says(message('drop') + message('one'));
    void talk.session.handOver();
    await settled();
    await talk.client.says(message('two'));
    await talk.gatekeeper.says(message('three'));
    expect([talk.client.ended, talk.gatekeeper.ended]).toEqual(['not', 'not']);
    await answer('written');
    expect([talk.client.ended, talk.gatekeeper.ended]).toEqual(['closed', 'closed']);
    expect([talk.client.heard, talk.gatekeeper.heard]).toEqual(['', message('one')]);
    replica();
    const next = await begin();
    await next.client.says(resume(0));
    await next.gatekeeper.says(resumed(1));
    expect(next.client.news()).toBe(resumed(2));
    await next.client.says(message('two'));
    expect(next.gatekeeper.news()).toBe(resume(0) + message('two'));
  });

  it('ends its client after a lost gatekeeper when its counts are written, or cannot be', async () => {
    for (const outcome of ['written', 'lost'] as const) {
      replica();
      const talk = await managed();
      await talk.client.says(message('drop') + message('one'));
      await talk.gatekeeper.hangsUp();
      expect([talk.client.ended, talk.closed]).toEqual(['not', undefined]);
      await answer(outcome);
      expect([talk.client.heard, talk.client.ended]).toEqual(['', 'closed']);
      expect(talk.closed).toBe('ERR_GATEKEEPER_CLOSED');
    }
  });

  it('is shut down when they cannot be written', async () => {
    const talk = await managed();
    void talk.session.handOver();
    await settled();
    await answer('lost');
    expect(conditionIn(talk.client.heard)).toBe('system-shutdown');
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
    expect(talk.closed).toBe('ERR_SHUTDOWN');
  });

  it('may end by itself meanwhile', async () => {
    const talk = await managed();
    void talk.session.handOver();
    await settled();
    await talk.client.hangsUp();
    expect(talk.closed).toBe('client-closed');
    await answer('written');
    expect([talk.closed, talk.gatekeeper.heard]).toEqual(['client-closed', '']);
  });
});
