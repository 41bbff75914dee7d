/** A client of SASL 2 (XEP-0388) before a gatekeeper of SASL 1, with `reauthenticate`: what it requests inside its
 *  authentication, the proxy requests step by step in its place. */
import { afterEach, describe, expect, it } from 'vitest';
import { reauthentication } from '../../../src/session/authentication/reauthentication.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { StreamRecords } from '../../../src/session/stream-management/stream-records.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import {
  Conversation,
  features,
  ManualClock,
  message,
  opens,
  opensFrame,
  settled,
  type ConversationOptions,
} from '../conversation.ts';
import { Random } from '../../support/random.ts';
import { memoryState } from '../../support/state.ts';
import { fewResumptions } from '../few-resumptions.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const sm = 'urn:xmpp:sm:3';
const bind = 'urn:ietf:params:xml:ns:xmpp-bind';
const juliet = 'juliet@capulet.example';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const token = base64('n,,\x01auth=Bearer juliets.own.token\x01\x01');
const auth = `<auth xmlns='${sasl}' mechanism='OAUTHBEARER'>${token}</auth>`;
const accepted = `<success xmlns='${sasl}'/>`;
const authenticate = (inside: string): string =>
  `<authenticate xmlns='${sasl2}' mechanism='OAUTHBEARER'><initial-response>${token}</initial-response>` +
  `<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Chirper</software></user-agent>${inside}</authenticate>`;
const success = (jid: string, inside = ''): string =>
  `<success xmlns='${sasl2}'><authorization-identifier>${jid}</authorization-identifier>${inside}</success>`;
const bound = (inside = ''): string => `<bound xmlns='urn:xmpp:bind:0'>${inside}</bound>`;
const bindRequest = (inside = ''): string =>
  `<bind xmlns='urn:xmpp:bind:0'><tag>Chirper</tag>${inside}</bind>`;
const enable = `<enable xmlns='${sm}' resume='true'/>`;
const enabled = `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`;
const failed = (condition: string): string =>
  `<failed xmlns='${sm}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`;
const resumeRequest = `<resume xmlns='${sm}' previd='sm-1' h='0'/>`;
const smFeature = `<sm xmlns='${sm}'/>`;
const offered = `<bind xmlns='${bind}'/>${smFeature}`;

let open: Conversation[] = [];
afterEach(async () => {
  await Promise.all(open.map((conversation) => conversation.over()));
  open = [];
});

/** A conversation up to the gatekeeper's new stream. */
async function loggedIn(
  inside: string,
  {
    resumptions = fewResumptions(),
    later = offered,
    ...options
  }: { resumptions?: Resumptions; later?: string } & ConversationOptions = {},
): Promise<Conversation> {
  const conversation = begun(resumptions, options);
  await settled();
  await conversation.client.says(options.overWebSocket === true ? opensFrame() : opens());
  await conversation.gatekeeper.says(
    opens() + features(`<mechanisms xmlns='${sasl}'><mechanism>OAUTHBEARER</mechanism></mechanisms>`),
  );
  expect(conversation.client.news()).toContain(
    `<authentication xmlns='${sasl2}'><mechanism>OAUTHBEARER</mechanism><mechanism>PLAIN</mechanism><inline>` +
      `<bind xmlns='urn:xmpp:bind:0'><inline><feature var='${sm}'/></inline></bind><sm xmlns='${sm}'/></inline></authentication>`,
  );
  conversation.gatekeeper.news();
  await conversation.client.says(authenticate(inside));
  await settled();
  expect(conversation.gatekeeper.news()).toBe(auth);
  await conversation.gatekeeper.says(accepted);
  expect(conversation.gatekeeper.news()).toMatch(
    /^<\?xml [^>]*><stream:stream [^>]*to='capulet.example'[^>]*>$/,
  );
  await conversation.gatekeeper.says(opens() + features(later));
  return conversation;
}

function begun(resumptions: Resumptions, options: ConversationOptions): Conversation {
  const conversation = new Conversation({
    channelBinding: 'reauthenticate',
    resumptions,
    stages: [
      negotiationGuard,
      reauthentication({
        attemptsMax: 3,
        verify: async () => ({ kind: 'owned', subject: new Sensitive(juliet), claims: noClaims }),
        concluded: () => {},
        supportCode: () => '7K3M-Q9XW',
      }),
    ],
    ...options,
  });
  open.push(conversation);
  return conversation;
}

/** The id of the request to bind, which asks for nothing of the client's. */
function boundBy(conversation: Conversation): string {
  const said = conversation.gatekeeper.news();
  const [, id] = /^<iq type='set' id='([0-9a-f-]{36})'><bind xmlns='[^']+'\/><\/iq>$/.exec(said)!;
  return id!;
}

const bindResult = (id: string, jid = `${juliet}/balcony`): string =>
  `<iq type='result' id='${id}'><bind xmlns='${bind}'><jid>${jid}</jid></bind></iq>`;

/** A stream that can be resumed, whose connection is lost. */
async function lostStream(resumptions: Resumptions): Promise<void> {
  const conversation = await loggedIn(bindRequest(enable), { resumptions });
  await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
  await conversation.gatekeeper.says(enabled);
  await conversation.client.hangsUp();
  await settled();
}

describe('a client that binds inside its authentication', () => {
  it('receives its resource and its stream management in one success', async () => {
    const conversation = await loggedIn(bindRequest(enable));
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    expect(conversation.client.news()).toBe('');
    expect(conversation.gatekeeper.news()).toBe(enable);
    await conversation.gatekeeper.says(enabled);
    expect(conversation.client.news()).toBe(success(`${juliet}/balcony`, bound(enabled)) + features());
    await conversation.client.says(message('O Romeo') + `<r xmlns='${sm}'/>`);
    expect(conversation.gatekeeper.news()).toBe(message('O Romeo') + `<r xmlns='${sm}'/>`);
    await conversation.gatekeeper.says(`<a xmlns='${sm}' h='1'/>${message('Juliet')}`);
    expect(conversation.client.news()).toBe(`<a xmlns='${sm}' h='1'/>${message('Juliet')}`);
  });

  it('has no stream management where it asks for none', async () => {
    const conversation = await loggedIn(bindRequest());
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    expect(conversation.client.news()).toBe(success(`${juliet}/balcony`, bound()) + features(smFeature));
  });

  it('learns that the gatekeeper has none', async () => {
    const conversation = await loggedIn(bindRequest(enable), { later: `<bind xmlns='${bind}'/>` });
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    expect(conversation.client.news()).toBe(
      success(`${juliet}/balcony`, bound(failed('feature-not-implemented'))) + features(),
    );
  });

  it('receives what came meanwhile after its success', async () => {
    const conversation = await loggedIn(bindRequest());
    const id = boundBy(conversation);
    await conversation.gatekeeper.says(message('early'));
    await conversation.gatekeeper.says(bindResult(id) + message('late'));
    expect(conversation.client.news()).toBe(
      success(`${juliet}/balcony`, bound()) + features(smFeature) + message('early') + message('late'),
    );
  });

  it('loses its stream where that is more than a stanza', async () => {
    const conversation = await loggedIn(bindRequest());
    for (let sent = 0; sent < 5; sent += 1) await conversation.gatekeeper.says(message('x'.repeat(60_000)));
    expect(conversation.closed).toBe('ERR_GATEKEEPER_NEGOTIATION');
  });

  it('is held until then', async () => {
    const conversation = await loggedIn(bindRequest());
    await conversation.client.says(message('hasty'));
    const id = boundBy(conversation);
    await conversation.gatekeeper.says(bindResult(id));
    expect(conversation.gatekeeper.news()).toBe(message('hasty'));
  });

  it('loses its stream where nothing is bound', async () => {
    const conversation = await loggedIn(bindRequest());
    await conversation.gatekeeper.says(`<iq type='error' id='${boundBy(conversation)}'/>`);
    expect(conversation.closed).toBe('ERR_GATEKEEPER_NEGOTIATION');
    expect(conversation.client.news()).not.toContain('<success');
  });

  it('receives the error by which the gatekeeper ends the stream', async () => {
    const conversation = await loggedIn(bindRequest());
    const error = `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`;
    await conversation.gatekeeper.says(message('lost') + error);
    expect(conversation.client.news()).toBe(`${error}</stream:stream>`);
    expect(conversation.closed).toBe('gatekeeper-closed');
  });

  it('waits no longer than for any authentication', async () => {
    const conversation = await loggedIn(bindRequest());
    conversation.clock.advance(30_000);
    await settled();
    expect(conversation.closed).toBe('ERR_PRE_AUTH_TIMEOUT');
  });
});

describe('a client over WebSocket', () => {
  it('receives success and features in messages of their own', async () => {
    const conversation = await loggedIn(bindRequest(enable), { overWebSocket: true });
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    await conversation.gatekeeper.says(enabled + message('Juliet'));
    const [first, second, third] = conversation.client.news().split('\n');
    expect(first).toBe(success(`${juliet}/balcony`, bound(enabled)));
    expect(second).toMatch(/^<stream:features [^>]*(?:\/>|><\/stream:features>)$/);
    expect(third).toContain('<body>Juliet</body>');
  });
});

describe('a client that requests nothing inside', () => {
  it('goes on in the features after its success', async () => {
    const conversation = await loggedIn('');
    expect(conversation.client.news()).toBe(success(juliet) + features(offered));
    const request = `<iq type='set' id='b1'><bind xmlns='${bind}'/></iq>`;
    await conversation.client.says(request);
    expect(conversation.gatekeeper.news()).toBe(request);
  });
});

/** Returns a function that makes replicas with one state. */
function replicas(): () => Resumptions {
  const clock = new ManualClock();
  const now = (): number => clock.now + 1;
  const state = memoryState({}, now);
  return () =>
    new Resumptions(
      { resumptionsMax: 100 },
      now,
      new StreamRecords({ state, lifeMs: 60_000, now, schedule: clock.schedule }),
    );
}

describe('a client that resumes inside its authentication', () => {
  const resume = resumeRequest;

  it('has its stream again', async () => {
    const resumptions = fewResumptions();
    await lostStream(resumptions);
    const conversation = await loggedIn(resume + bindRequest(enable), { resumptions });
    expect(conversation.gatekeeper.news()).toBe(resume);
    const resumed = `<resumed xmlns='${sm}' previd='sm-1' h='0'/>`;
    await conversation.gatekeeper.says(resumed);
    expect(conversation.client.news()).toBe(success(`${juliet}/balcony`, resumed) + features());
    await conversation.client.says(message('again'));
    expect(conversation.gatekeeper.news()).toBe(message('again'));
  });

  it('has it again at another replica', async () => {
    const replica = replicas();
    await lostStream(replica());
    const conversation = await loggedIn(resume + bindRequest(enable), { resumptions: replica() });
    await settled();
    expect(conversation.gatekeeper.news()).toBe(resume);
    const resumed = `<resumed xmlns='${sm}' previd='sm-1' h='0'/>`;
    await conversation.gatekeeper.says(resumed);
    expect(conversation.client.news()).toBe(success(`${juliet}/balcony`, resumed) + features());
  });

  it('binds where no replica knows the stream', async () => {
    const conversation = await loggedIn(resume + bindRequest(), { resumptions: replicas()() });
    await settled();
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    expect(conversation.client.news()).toBe(
      success(`${juliet}/balcony`, failed('item-not-found') + bound()) + features(smFeature),
    );
  });

  it.each(['the proxy', 'the gatekeeper'])('binds where %s does not know the stream', async (who) => {
    const resumptions = fewResumptions();
    if (who === 'the gatekeeper') await lostStream(resumptions);
    const conversation = await loggedIn(resume + bindRequest(), { resumptions });
    if (who === 'the gatekeeper') {
      expect(conversation.gatekeeper.news()).toBe(resume);
      await conversation.gatekeeper.says(failed('item-not-found'));
    }
    await conversation.gatekeeper.says(bindResult(boundBy(conversation)));
    expect(conversation.client.news()).toBe(
      success(`${juliet}/balcony`, failed('item-not-found') + bound()) + features(smFeature),
    );
  });
});

describe('a gatekeeper of SASL 1 that answers anything in any order', () => {
  const answers = [
    features(offered),
    enabled,
    failed('item-not-found'),
    `<resumed xmlns='${sm}' previd='sm-1' h='0'/>`,
    `<resumed xmlns='${sm}' previd='sm-2' h='7'/>`,
    bindResult('other'),
    `<iq type='result' id='own'/>`,
    message('early'),
    `<presence/>`,
    `<a xmlns='${sm}' h='1'/>`,
    `<r xmlns='${sm}'/>`,
    accepted,
    success('romeo@capulet.example', bound()),
    "<x xmlns='urn:unknown'/>",
    "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  ];

  it('ends the session with a code, or lets the client in once', async () => {
    const endings = new Map<string, number>();
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = new Random(seed);
      const resumptions = fewResumptions();
      await lostStream(resumptions);
      const inside = random.pick([
        '',
        bindRequest(),
        bindRequest(enable),
        resumeRequest + bindRequest(enable),
      ]);
      const conversation = await loggedIn(inside, { resumptions });
      let heard = conversation.client.news();
      for (let turn = 0; turn < 6 && conversation.closed === undefined; turn += 1) {
        const [, id] = /<iq type='set' id='([^']+)'><bind/.exec(conversation.gatekeeper.news()) ?? [];
        const said = id !== undefined && random.once(2) ? bindResult(id) : random.pick(answers);
        await conversation.gatekeeper.says(said);
        await settled();
        heard += conversation.client.news();
      }
      // Nothing is delivered before the client is in.
      expect(heard.replace(/<stream:error>.*$/, ''), `seed ${seed}`).toMatch(
        /^(?:$|<success [^>]*><authorization-identifier>juliet@|<\/stream)/,
      );
      const ending = conversation.closed ?? (heard.includes('<success') ? 'in' : 'waiting');
      expect(['in', 'waiting', 'gatekeeper-closed', 'ERR_GATEKEEPER_NEGOTIATION', 'ERR_SM_COUNT'], `seed ${seed}`).toContain(ending); // prettier-ignore
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
      await conversation.over();
    }
    expect([...endings.keys()].toSorted()).toEqual(expect.arrayContaining(['ERR_GATEKEEPER_NEGOTIATION', 'gatekeeper-closed', 'in'])); // prettier-ignore
  });
});

describe('a gatekeeper of SASL 1 that does not accept the token', () => {
  async function presented(): Promise<Conversation> {
    const conversation = begun(fewResumptions(), {});
    await settled();
    await conversation.client.says(opens());
    await conversation.gatekeeper.says(
      opens() + features(`<mechanisms xmlns='${sasl}'><mechanism>OAUTHBEARER</mechanism></mechanisms>`),
    );
    await conversation.client.says(authenticate(bindRequest()));
    await settled();
    conversation.client.news();
    conversation.gatekeeper.news();
    return conversation;
  }

  it('is acknowledged, and its failure is one of SASL 2', async () => {
    const conversation = await presented();
    await conversation.gatekeeper.says(`<challenge xmlns='${sasl}'>e30=</challenge>`);
    expect(conversation.gatekeeper.news()).toBe(`<response xmlns='${sasl}'>AQ==</response>`);
    await conversation.gatekeeper.says(
      `<failure xmlns='${sasl}'><account-disabled/><text>marker</text></failure>`,
    );
    expect(conversation.client.news()).toBe(
      `<failure xmlns='${sasl2}'><account-disabled xmlns='${sasl}'/></failure>`,
    );
  });

  it('has an unknown condition', async () => {
    const conversation = await presented();
    await conversation.gatekeeper.says(`<failure xmlns='${sasl}'><marker/></failure>`);
    expect(conversation.client.news()).toBe(
      `<failure xmlns='${sasl2}'><not-authorized xmlns='${sasl}'/></failure>`,
    );
  });

  it('receives the abort of a client that gives up', async () => {
    const conversation = await presented();
    await conversation.client.says(`<abort xmlns='${sasl2}'/>`);
    expect(conversation.gatekeeper.news()).toBe(`<abort xmlns='${sasl}'/>`);
    await conversation.gatekeeper.says(`<failure xmlns='${sasl}'><aborted/></failure>`);
    expect(conversation.client.news()).toBe(`<failure xmlns='${sasl2}'><aborted xmlns='${sasl}'/></failure>`);
  });

  it.each([
    ['in SASL 2, which it has not offered', `<success xmlns='${sasl2}'/>`],
    ['by an unknown element', `<continue xmlns='${sasl}'/>`],
  ])('may not answer %s', async (_, xml) => {
    const conversation = await presented();
    await conversation.gatekeeper.says(xml);
    expect(conversation.closed).toBe('ERR_GATEKEEPER_NEGOTIATION');
  });
});
