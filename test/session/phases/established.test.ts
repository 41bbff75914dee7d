/** An established stream, and every way in which a session ends. */
import { afterEach, describe, expect, it } from 'vitest';
import { farewellFor, type EndCause, type LastWords } from '../../../src/session/ending.ts';
import type { StageFactory } from '../../../src/session/stage.ts';
import { StreamError } from '../../../src/stanza/error.ts';
import { forward } from '../../../src/stanza/verdict.ts';
import {
  closes,
  conditionIn,
  Conversation,
  features,
  message,
  opens,
  settled,
  type ConversationOptions,
} from '../conversation.ts';

const talks: Conversation[] = [];
function begin(options?: ConversationOptions): Promise<Conversation> {
  const talk = new Conversation(options);
  talks.push(talk);
  return talk.established();
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

const streamError =
  "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";

/** Ten stanzas a second, with a burst of ten. */
const rates = {
  stanzasPerSecond: 10,
  stanzaBurst: 10,
  bytesPerSecond: 0,
  paddingBytesPerSecond: 0,
  overLimitMs: 2_000,
};

describe('what follows a stream error in the same chunk', () => {
  it('is not read: no stage is asked after the end of the session', async () => {
    const asked: (string | undefined)[] = [];
    const stage: StageFactory = {
      name: 'policy',
      begin: () => ({
        judge: (stanza) => {
          asked.push(stanza.attributeValue(0, 'id'));
          return forward;
        },
      }),
    };
    const talk = await begin({ stages: [stage] });
    asked.length = 0;
    const error = streamError.replace('</stream:stream>', '');
    await talk.gatekeeper.says(`<message id='before'/>${error}<message id='after'/>`);
    await talk.session.done;
    expect(asked).toEqual(['before', undefined]);
    expect(talk.closed).toBe('gatekeeper-closed');
  });
});

describe('a refusal on an established stream', () => {
  it('is reported with its side, its offset and the limit', async () => {
    const talk = await begin();
    await talk.client.says(message('first'));
    await talk.client.says('<message><x></y>');
    expect([talk.closed, talk.refusal?.side]).toEqual(['ERR_XML_NOT_WELL_FORMED', 'client']);
    expect(talk.refusal?.detail['offset']).toBeGreaterThan(message('first').length);
    expect(talk.refusal?.defect).toBeUndefined();
  });

  it('that is a defect is reported with class and first own frame', async () => {
    const talk = await begin({
      stages: [
        {
          name: 'policy',
          begin: () => ({
            judge() {
              throw new TypeError('juliet@capulet.example');
            },
          }),
        },
      ],
    });
    await talk.client.says(message('one'));
    await settled();
    expect(talk.closed).toBe('ERR_INTERNAL');
    expect(talk.refusal?.defect).toEqual({
      errorClass: 'TypeError',
      frame: expect.stringMatching(/^[a-z/-]+\.ts:\d+:\d+$/) as string,
    });
  });
});

describe('an established stream', () => {
  it('passes stanzas, nonzas and keep-alives in both directions', async () => {
    const talk = await begin();
    for (const said of [
      `${message('one')}${message('two')}<r xmlns='urn:xmpp:sm:3'/>`,
      ' ',
      message('three'),
    ]) {
      await talk.client.says(said);
      expect(talk.gatekeeper.news()).toBe(said);
      await talk.gatekeeper.says(said);
      expect(talk.client.news()).toBe(said);
    }
  });

  it('keeps nothing alive with the line feeds that some libraries write around elements', async () => {
    const talk = await begin();
    await talk.client.says(`\n${message('one')}\n${message('two')}\n`);
    expect(talk.gatekeeper.news()).toBe(message('one') + message('two'));
    await talk.client.says(message('thr'.repeat(2)).slice(0, 30));
    await talk.client.says(`${message('thr'.repeat(2)).slice(30)}\n`);
    expect(talk.gatekeeper.news()).toBe(message('thr'.repeat(2)));
    await talk.client.says('\n\n');
    expect(talk.gatekeeper.news()).toBe(' ');
  });

  it('passes a stanza when its last byte is there, in one piece', async () => {
    const talk = await begin();
    for (const character of message('slow')) {
      expect(talk.gatekeeper.heard).toBe('');
      await talk.client.says(character);
    }
    expect(talk.gatekeeper.heard).toBe(message('slow'));
  });

  it('pauses both sides while one of them drains nothing, and loses nothing', async () => {
    const talk = await begin();
    talk.gatekeeper.stopsReading();
    const said = message('x'.repeat(30_000));
    for (let i = 0; i < 8; i += 1) await talk.client.says(said);
    expect(talk.client.socket.isPaused()).toBe(true);
    expect(talk.gatekeeper.socket.isPaused()).toBe(true);
    await talk.gatekeeper.readsOn();
    expect(talk.client.socket.isPaused()).toBe(false);
    expect(talk.gatekeeper.socket.isPaused()).toBe(false);
    expect(talk.gatekeeper.heard).toBe(said.repeat(8));
  });

  it('ends when its client is idle for too long', async () => {
    const talk = await begin({ idleMs: 60_000 });
    talk.clock.advance(59_000);
    await talk.client.says(' ');
    talk.clock.advance(59_000);
    expect(talk.session.ended).toBe(false);
    talk.clock.advance(1_000);
    expect(await talk.session.done).toBe('ERR_IDLE_TIMEOUT');
    expect(conditionIn(talk.client.heard)).toBe('connection-timeout');
  });

  it('reads a client more slowly that sends too many stanzas, and refuses one that continues', async () => {
    const talk = await begin({ rates });
    await talk.client.says(message('x').repeat(25));
    expect(talk.gatekeeper.news()).toBe(message('x').repeat(11));
    expect(talk.paced).toEqual(['client stanzas']);
    talk.clock.advance(1_000);
    await settled();
    expect(talk.gatekeeper.news().length).toBeGreaterThan(0);
    for (let second = 0; second < 4 && !talk.session.ended; second += 1) {
      await talk.client.says(message('x').repeat(25));
      talk.clock.advance(1_000);
      await settled();
    }
    expect(await talk.session.done).toBe('ERR_STANZA_RATE');
    expect(conditionIn(talk.client.heard)).toBe('policy-violation');
  });

  it('counts keep-alives like stanzas', async () => {
    const talk = await begin({ rates });
    for (let i = 0; i < 25; i += 1) await talk.client.says(' ');
    expect(talk.gatekeeper.news()).toBe(' '.repeat(11));
    expect(talk.paced).toEqual(['client stanzas']);
  });

  it('ends at its age', async () => {
    const talk = await begin({ sessionAgeMs: () => 3_600_000 });
    talk.clock.advance(3_600_000);
    expect(await talk.session.done).toBe('ERR_SESSION_AGE');
    expect(talk.gatekeeper.heard).toBe(closes);
  });

  it('does not end with the deadline of the authentication', async () => {
    const talk = await begin();
    talk.clock.advance(3_600_000);
    expect(talk.session.ended).toBe(false);
  });
});

describe('last words to each side', () => {
  const error = new StreamError('policy-violation', { code: 'ERR_CHANNEL_BINDING' });
  const words = (said: LastWords): string => (typeof said === 'string' ? said : said.condition);

  it.each<readonly [string, EndCause, client: string, gatekeeper: string, reason: string]>([
    ['the client closes', { kind: 'closed', by: 'client' }, 'close', 'close', 'client-closed'],
    ['the gatekeeper closes', { kind: 'closed', by: 'gatekeeper' }, 'close', 'close', 'gatekeeper-closed'],
    ['the client is lost', { kind: 'lost', side: 'client' }, 'nothing', 'nothing', 'client-closed'],
    ['the gatekeeper is lost', { kind: 'lost', side: 'gatekeeper' }, 'remote-connection-failed', 'close', 'ERR_GATEKEEPER_CLOSED'],
    ['the client is refused', { kind: 'refused', error, side: 'client' }, 'policy-violation', 'close', 'ERR_CHANNEL_BINDING'],
    ['the gatekeeper is refused', { kind: 'refused', error, side: 'gatekeeper' }, 'remote-connection-failed', 'policy-violation', 'ERR_CHANNEL_BINDING'],
    ['a peer stalls', { kind: 'stalled' }, 'nothing', 'nothing', 'ERR_WRITE_STALL'],
  ])('when %s', (_, cause, client, gatekeeper, reason) => {
    const farewell = farewellFor(cause);
    expect([words(farewell.client), words(farewell.gatekeeper), farewell.reason]).toEqual([client, gatekeeper, reason]);
  }); // prettier-ignore

  it('sends a client the remedy of its operator, and a gatekeeper only the condition', () => {
    const { client, gatekeeper } = farewellFor({ kind: 'refused', error, side: 'gatekeeper' });
    expect(client).toMatchObject({ text: expect.stringContaining('Channel binding') });
    expect(gatekeeper).toEqual({ condition: 'policy-violation', text: undefined });
  });
});

describe('a session ends', () => {
  it.each([
    ['client', 'client-closed'],
    ['gatekeeper', 'gatekeeper-closed'],
  ] as const)('when the %s closes its stream: both are closed', async (side, reason) => {
    const talk = await begin();
    await talk[side].says(closes);
    expect(await talk.session.done).toBe(reason);
    expect([talk.client.heard, talk.gatekeeper.heard]).toEqual([closes, closes]);
    expect([talk.client.ended, talk.gatekeeper.ended]).toEqual(['closed', 'closed']);
  });

  it('when the client is lost: the gatekeeper keeps the stream for a resumption', async () => {
    const talk = await begin();
    await talk.client.hangsUp();
    expect(await talk.session.done).toBe('client-closed');
    expect(talk.gatekeeper.heard).toBe('');
    expect(talk.gatekeeper.ended).toBe('closed');
  });

  it('when the gatekeeper is lost: the client gets an error', async () => {
    const talk = await begin();
    await talk.gatekeeper.hangsUp();
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_CLOSED');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
  });

  it('when a connection breaks', async () => {
    const talk = await begin();
    talk.gatekeeper.socket.destroy(new Error('reset'));
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_CLOSED');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
  });

  it('when the gatekeeper sends a stream error: it is passed on, and nothing after it', async () => {
    const talk = await begin();
    await talk.gatekeeper.says(streamError.replace(closes, message('after')));
    expect(await talk.session.done).toBe('gatekeeper-closed');
    expect(talk.client.heard).toBe(streamError);
  });

  it.each([
    ['client', '<a></b>', 'not-well-formed', closes],
    ['gatekeeper', '<a></b>', 'remote-connection-failed', /^<stream:error><not-well-formed /],
  ] as const)(
    'when the %s writes no XML: that side gets the condition',
    async (side, said, told, gatekeeper) => {
      const talk = await begin();
      await talk[side].says(said);
      expect(await talk.session.done).toBe('ERR_XML_NOT_WELL_FORMED');
      expect(conditionIn(talk.client.heard)).toBe(told);
      if (typeof gatekeeper === 'string') expect(talk.gatekeeper.heard).toBe(gatekeeper);
      else expect(talk.gatekeeper.heard).toMatch(gatekeeper);
    },
  );

  it.each(['client', 'gatekeeper'] as const)(
    'when the %s drains nothing: without last words',
    async (side) => {
      const talk = await begin();
      talk.stall[side]?.();
      expect(await talk.session.done).toBe('ERR_WRITE_STALL');
      expect([talk.client.heard, talk.gatekeeper.heard]).toEqual(['', '']);
    },
  );

  it('when a stage meets a defect: by an internal error, and not with the process', async () => {
    const talk = await begin({
      stages: [
        {
          name: 'broken',
          begin: () => ({
            judge: (stanza) => {
              if (stanza.kind === 'message') throw new TypeError('a defect');
              return { kind: 'forward' };
            },
          }),
        },
      ],
    });
    await talk.client.says(message('x'));
    expect(await talk.session.done).toBe('ERR_INTERNAL');
    expect(conditionIn(talk.client.heard)).toBe('internal-server-error');
    expect(talk.gatekeeper.heard).toBe(closes);
  });

  it('when a task of a stage fails after the stanza that began it', async () => {
    const talk = await begin({
      stages: [
        {
          name: 'late',
          begin: (port) => ({
            judge: () => {
              port.schedule(1_000, () => {
                throw new StreamError('resource-constraint', { code: 'ERR_WAITING' });
              });
              return { kind: 'forward' };
            },
          }),
        },
      ],
    });
    await talk.client.says(message('x'));
    talk.clock.advance(1_000);
    expect(await talk.session.done).toBe('ERR_WAITING');
    expect(conditionIn(talk.client.heard)).toBe('resource-constraint');
  });

  it('with its stages: stanzas that they hold or delay, and their timers, are discarded', async () => {
    let ended = 0;
    const talk = await begin({
      stages: [
        {
          name: 'waiting',
          begin: (port) => ({
            judge: (stanza) => {
              if (stanza.kind !== 'message') return { kind: 'forward' };
              port.schedule(1_000, () => port.inject('to-client', Buffer.from(message('scheduled'))));
              return { kind: 'forward', delayMs: 1_000 };
            },
            end: () => (ended += 1),
          }),
        },
      ],
    });
    await talk.client.says(message('delayed'));
    expect(talk.clock.pending).toBe(2);
    await talk.client.says(closes);
    expect(talk.clock.pending).toBe(0);
    expect(await talk.session.done).toBe('client-closed');
    expect(ended).toBe(1);
    expect([talk.client.heard, talk.gatekeeper.heard]).toEqual([closes, closes]);
  });

  it.each(['securing', 'routing', 'dialling', 'authenticating', 'restarting', 'established'] as const)(
    'when the proxy shuts down in phase %s: with the reason where there is a stream',
    async (phase) => {
      const talk = new Conversation({
        ...(phase === 'securing' ? { secure: () => new Promise(() => {}) } : {}),
        ...(phase === 'dialling' ? { connect: () => new Promise(() => {}) } : {}),
      });
      await settled();
      if (phase === 'dialling') await talk.client.says(opens());
      if (phase === 'authenticating') await talk.offered();
      if (phase === 'restarting') await talk.restarted();
      if (phase === 'established') await talk.established();
      expect(talk.phase).toBe(phase);
      talk.session.shutDown();
      talk.session.shutDown();
      expect(await talk.session.done).toBe('ERR_SHUTDOWN');
      expect(conditionIn(talk.client.heard)).toBe(phase === 'securing' ? undefined : 'system-shutdown');
      const reached = !['securing', 'routing', 'dialling'].includes(phase);
      expect(talk.gatekeeper.heard).toBe(reached ? closes : '');
      expect(talk.phases.at(-1)).toBe('closing');
      expect(talk.clock.pending).toBe(0);
    },
  );

  it('once: later events change nothing', async () => {
    const talk = await begin();
    await talk.client.says(closes);
    await talk.gatekeeper.says(message('late') + features());
    talk.stall.client?.();
    talk.clock.advance(3_600_000);
    expect(await talk.session.done).toBe('client-closed');
    expect(talk.client.heard).toBe(closes);
  });

  it('by force where a peer does not answer the end of its stream', async () => {
    const talk = await begin({ closeGraceMs: 1 });
    talk.gatekeeper.stopsReading();
    await talk.client.says(closes);
    expect(await talk.session.done).toBe('client-closed');
    expect(talk.gatekeeper.socket.destroyed).toBe(true);
  });
});
