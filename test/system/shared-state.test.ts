/** Two processes of `narthex serve` and one redis-server: what comes to both has one effect. The server is killed in the
 *  middle, and at the end everything that it was given is searched for the values of the story. */
import https from 'node:https';
import http from 'node:http';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { jwks, makeKey, sign } from '../http/support/issuer.ts';
import { startParty, type Party as HttpParty } from '../http/support/party.ts';
import { describeWithPeers } from '../peers/require.ts';
import { startRedis, type RedisPeer } from '../peers/redis.ts';
import { Party, sm, type Managed, type PartyOptions } from '../support/party.ts';
import { Random } from '../support/random.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { eventually, retried } from '../support/wait.ts';
import { createAuthority } from '../support/certificates.ts';
import { Canaries } from './canaries/canary.ts';

const domain = 'proxy.example';
const issuer = 'https://id.provider.example';
const audience = 'https://gatekeeper.example';
const providerKey = makeKey('p1');
const pushKey = makeKey('g1', 'EdDSA');
const random = new Random(1);
const canaries = new Canaries();
const authority = createAuthority();
const pair = authority.issue({ dns: ['localhost', domain], ipv4: ['127.0.0.1'] });

let redis: RedisPeer;
let provider: HttpParty;
let partner: HttpParty;
let streams: RawGatekeeper;
/** Two replicas. */
let one: ServeProcess;
let other: ServeProcess;
/** Everything that the server of the store has had, in every form in which a reader could look. */
let dumped = '';
let records = 0;
/** The gatekeeper's side of the stream, whatever the connection. */
let theirs: Managed;
let accepted: (party: Party) => void;
/** Identifies the stream at the gatekeeper, which gives each a new one. */
let streamId: string;

const managed = (): Managed => ({ sent: [], received: 0, told: 0 });

beforeAll(async () => {
  redis = await startRedis();
  provider = await startParty(({ path }) =>
    path === '/jwks' ? { status: 200, body: JSON.stringify(jwks(providerKey)) } : { status: 204 },
  );
  partner = await startParty(({ path }) =>
    path === '/jwks'
      ? { status: 200, body: JSON.stringify(jwks(pushKey)) }
      : { status: 201, body: JSON.stringify({ id: canaries.at('enlistment'), status: 'active' }) },
  );
  streams = await startRawGatekeeper(pair.cert, pair.key, (socket) => {
    const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
      if (local === 'enable') {
        theirs.received = 0;
        return `<enabled xmlns='${sm}' id='${streamId}' resume='true'/>`;
      }
      if (local !== 'resume') return undefined;
      theirs.told = Number(attributes['h']);
      return `<resumed xmlns='${sm}' previd='${attributes['previd']}' h='${theirs.received}'/>`;
    };
    accepted(new Party(socket, { stream: theirs, random, onNonza }));
  });
  one = await replica();
  other = await replica();
});

afterEach(async () => {
  for (const [key, value] of await redis.dump()) {
    records += 1;
    dumped += `${key}\n${value.toString('latin1')}\n${value.toString('hex')}\n${value.toString('base64')}\n`;
  }
});

afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  streams.close();
  await Promise.all([provider.close(), partner.close(), redis.close()]);
});

const at = (party: HttpParty, path: string): string => new URL(path, party.url).href;

function replica(): Promise<ServeProcess> {
  const enlistment = { url: at(partner, '/enlistments'), answerMembers: ['status'] };
  const connect = { address: `127.0.0.1:${streams.port}`, tls: 'direct' };
  const gatekeeper = { connect, caFile: 'gatekeeper.crt', enlistment };
  return serveProcess({
    files: {
      'state.key': 's'.repeat(32),
      'pseudonyms.key': 'p'.repeat(32),
      'gatekeeper.crt': authority.cert,
    },
    config: {
      replicas: 2,
      log: { level: 'debug' },
      timeouts: { drainMs: 0 },
      domains: [{ domain, gatekeeper: 'test' }],
      gatekeepers: [
        { name: 'test', ...gatekeeper, push: { issuer: 'gk', jwksUri: at(partner, '/jwks') } },
        { name: 'second', ...gatekeeper },
      ],
      policy: { file: 'balanced', keyFiles: ['pseudonyms.key'] },
      http: { host: '127.0.0.1', port: 0, publicUrl: 'https://proxy.example' },
      provider: {
        issuer,
        jwksUri: at(provider, '/jwks'),
        audiences: [audience],
        push: { url: at(provider, '/push') },
      },
      state: { keyFiles: ['state.key'], redis: { ...redis.section, timeoutMs: 2_000 } },
    },
  });
}

// ---- requests -------------------------------------------------------------------------------------------------------

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

function answerTo(outgoing: http.ClientRequest, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  outgoing.on('error', reject);
  outgoing.on('response', (incoming: http.IncomingMessage) => {
    let text = '';
    incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
    incoming.on('end', () => {
      const isJson = String(incoming.headers['content-type']).includes('json');
      const json = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {};
      resolve({ status: incoming.statusCode!, headers: incoming.headers, text, json });
    });
  });
  outgoing.end(body);
  return promise;
}

function ask(
  proxy: ServeProcess,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Answer> {
  const target = { host: '127.0.0.1', port: proxy.httpPort, servername: domain, ca: proxy.ca, agent: false };
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const outgoing = https.request({ ...target, method, path, headers: { host: domain, ...json, ...headers } });
  return answerTo(outgoing, body && JSON.stringify(body));
}

const admin = (proxy: ServeProcess, path: string): Promise<Answer> =>
  answerTo(http.request({ host: '127.0.0.1', port: proxy.adminPort, path }));

const metric = async (proxy: ServeProcess, name: string): Promise<string | undefined> =>
  new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(
    (await admin(proxy, '/metrics')).text,
  )?.[1];

function proofOf(nonce: string, subject = canaries.at('subject')): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: audience, sub: subject, iat, exp: iat + 300, nonce };
  return sign({ key: providerKey, claims });
}

interface Enlisting {
  readonly nonce: string;
  readonly key: string;
  readonly gatekeeper?: string;
}

async function enlist(proxy: ServeProcess, { nonce, key, gatekeeper = 'test' }: Enlisting): Promise<Answer> {
  const authorization = `Bearer ${await proofOf(nonce)}`;
  const headers = { authorization, 'ownership-nonce': nonce, 'idempotency-key': key };
  return ask(proxy, 'POST', '/enlistments', headers, { gatekeeper });
}

/** The identifier of the enlistment, as clients have it. */
const enlisted = (): string => `test~${Buffer.from(canaries.at('enlistment')).toString('base64url')}`;

async function withdraw(proxy: ServeProcess, nonce: string, id = enlisted()): Promise<Answer> {
  const authorization = `Bearer ${await proofOf(nonce)}`;
  return ask(proxy, 'DELETE', `/enlistments/${id}`, { authorization, 'ownership-nonce': nonce });
}

async function push(proxy: ServeProcess, id: string): Promise<Answer> {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: 'gk', sub: 'gk', aud: 'https://proxy.example/push/test', iat, exp: iat + 60 };
  const authorization = `Bearer ${await sign({ key: pushKey, claims })}`;
  const body = { id, recipient: canaries.at('recipient'), kind: 'message', sender: canaries.at('sender') };
  return ask(proxy, 'POST', '/push/test', { authorization }, body);
}

/** Requests that a party has received at a path. */
const received = (party: HttpParty, path: string): number =>
  party.received.filter((request) => request.path.startsWith(path)).length;

// ---- streams --------------------------------------------------------------------------------------------------------

interface Ends {
  readonly client: Party;
  readonly gatekeeper: Party;
  readonly cut: () => Promise<void>;
}

async function connect(proxy: ServeProcess, stream: Managed): Promise<Ends> {
  const { promise, resolve } = Promise.withResolvers<Party>();
  accepted = resolve;
  const port = Number(proxy.log.find(({ event }) => event === 'listener.opened')!['port']);
  const username = canaries.at('account');
  const raw = await logInRaw(port, proxy.ca, { to: domain, servername: domain, username });
  const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
    if (local === 'enabled') stream.received = 0;
    if (local === 'resumed') stream.told = Number(attributes['h']);
    return undefined;
  };
  const client = new Party(raw.socket, { stream, random, onNonza }, raw.received());
  const gatekeeper = await promise;
  const cut = async (): Promise<void> => {
    raw.tcp.resetAndDestroy();
    await Promise.all([client.closed, gatekeeper.closed]);
  };
  return { client, gatekeeper, cut };
}

const heard = (party: Party, pattern: RegExp): Promise<RegExpExecArray> =>
  eventually(
    () => pattern.exec(party.heard) ?? undefined,
    20_000,
    () => `${String(pattern)} in ${party.heard}`,
  );

/** Binds a resource. @returns what the gatekeeper knows it as */
async function bind({ client, gatekeeper }: Ends): Promise<string> {
  const resource = canaries.at('resource');
  client.write(
    `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
  );
  const [, hidden] = await heard(gatekeeper, /<resource>([^<]+)<\/resource>/);
  const [, id] = await heard(gatekeeper, /<iq[^>]* id='([^']+)'[^>]*><bind/);
  const jid = `${canaries.at('account')}@${domain}/${hidden}`;
  gatekeeper.write(
    `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`,
  );
  await heard(client, new RegExp(`/${resource}</jid>`));
  return hidden!;
}

async function enable(ends: Ends, stream: Managed): Promise<void> {
  ends.client.write(`<enable xmlns='${sm}' resume='true'/>`);
  await heard(ends.client, /<enabled/);
  stream.sent.length = 0;
}

const own = (resource: string): string => `${canaries.at('account')}@${domain}/${resource}`;
const said = (id: string): string =>
  `<message from='${own(canaries.at('resource'))}' to='${canaries.at('contact')}@x.example' id='${id}'><body>${canaries.at('text')}</body></message>`;

async function settle({ client, gatekeeper }: Ends): Promise<void> {
  await eventually(() => {
    for (const end of [client, gatekeeper]) end.write(`<r xmlns='${sm}'/>`);
    return [client, gatekeeper].every(({ stream }) => stream.told === stream.sent.length);
  }, 20_000);
}

async function resume(proxy: ServeProcess, stream: Managed): Promise<Ends> {
  const ends = await connect(proxy, stream);
  ends.client.write(`<resume xmlns='${sm}' previd='${streamId}' h='${stream.received}'/>`);
  await heard(ends.client, /<resumed/);
  return ends;
}

/** Begins a stream at the first replica. @returns with what the gatekeeper knows its resource as */
async function begin(stream: Managed): Promise<Ends & { readonly hidden: string }> {
  theirs = managed();
  streamId = canaries.at(`stream ${canaries.places.length}`);
  const ends = await connect(one, stream);
  const hidden = await bind(ends);
  await enable(ends, stream);
  return { ...ends, hidden };
}

// ---- the story ------------------------------------------------------------------------------------------------------

describeWithPeers(['redis'], 'two replicas that share state', () => {
  it('take a nonce for one request', async () => {
    const before = received(partner, '/enlistments');
    const nonce = canaries.at('nonce');
    expect((await enlist(one, { nonce, key: canaries.at('first key') })).status).toBe(201);
    const again = await enlist(other, { nonce, key: canaries.at('second key') });
    expect([again.status, again.json['code']]).toEqual([401, 'ERR_TOKEN_REPLAYED']);
    const opposite = await withdraw(other, nonce);
    expect([opposite.status, opposite.json['code']]).toEqual([401, 'ERR_TOKEN_REPLAYED']);
    expect(received(partner, '/enlistments') - before).toBe(1);
  });

  it('give an enlistment that is repeated the first answer', async () => {
    const before = received(partner, '/enlistments');
    const request = { nonce: canaries.at('nonce of a repetition'), key: canaries.at('repeated key') };
    const first = await enlist(one, request);
    const second = await enlist(other, request);
    expect(first.status).toBe(201);
    expect([second.status, second.json]).toEqual([first.status, first.json]);
    expect(first.json['id']).toBe(enlisted());
    expect(received(partner, '/enlistments') - before).toBe(1);
  });

  it('send an enlistment that comes to both at once once', async () => {
    const before = received(partner, '/enlistments');
    const answers = partner.answer;
    partner.answer = (request) => ({ ...answers(request), delayMs: 300 });
    const request = { nonce: canaries.at('nonce at once'), key: canaries.at('key at once') };
    const both = await Promise.all([enlist(one, request), enlist(other, request)]);
    partner.answer = answers;
    expect(both.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([201, 409]);
    expect(both.find(({ status }) => status === 409)!.json['code']).toBe('ERR_ENLISTMENT_UNDER_WAY');
    expect(received(partner, '/enlistments') - before).toBe(1);
    for (const proxy of [one, other]) expect((await enlist(proxy, request)).status).toBe(201);
    expect(received(partner, '/enlistments') - before).toBe(1);
  });

  it('take an idempotency key for one request', async () => {
    const before = received(partner, '/enlistments');
    const key = canaries.at('key of two requests');
    expect((await enlist(one, { nonce: canaries.at('nonce a'), key })).status).toBe(201);
    const second = await enlist(other, { nonce: canaries.at('nonce b'), key, gatekeeper: 'second' });
    expect([second.status, second.json['code']]).toEqual([422, 'ERR_IDEMPOTENCY_MISMATCH']);
    expect(received(partner, '/enlistments') - before).toBe(1);
  });

  it('deliver a notification that comes to both once', async () => {
    const before = received(provider, '/push');
    const id = canaries.at('notification');
    expect((await push(one, id)).status).toBe(202);
    expect((await push(other, id)).status).toBe(202);
    expect((await push(other, canaries.at('another notification'))).status).toBe(202);
    expect(received(provider, '/push') - before).toBe(2);
  });

  it('bind a resource under one name', async () => {
    theirs = managed();
    const first = await connect(one, managed());
    const hidden = await bind(first);
    const second = await connect(other, managed());
    expect(await bind(second)).toBe(hidden);
    expect(hidden).not.toContain(canaries.at('resource'));
    await Promise.all([first.cut(), second.cut()]);
  });

  it('resume a stream of each other: counts go on, and the client has its former resource', async () => {
    const stream = managed();
    const first = await begin(stream);
    first.client.say(said('m1'));
    await heard(first.gatekeeper, /id='m1'/);
    first.gatekeeper.say(
      `<message from='x@x.example' to='${own(first.hidden)}' id='g1'><body>1</body></message>`,
    );
    await heard(first.client, new RegExp(`to='${own(canaries.at('resource'))}' id='g1'`));
    await settle(first);
    await first.cut();

    const second = await resume(other, stream);
    second.gatekeeper.say(
      `<message from='x@x.example' to='${own(first.hidden)}' id='g2'><body>2</body></message>`,
    );
    await heard(second.client, new RegExp(`to='${own(canaries.at('resource'))}' id='g2'`));
    second.client.say(said('m2'));
    await heard(second.gatekeeper, new RegExp(`from='${own(first.hidden)}'[^>]* id='m2'`));
    expect(second.gatekeeper.heard).not.toContain(canaries.at('resource'));
    await settle(second);
    await second.cut();

    const third = await resume(one, stream);
    third.client.say(said('m3'));
    await heard(third.gatekeeper, /id='m3'/);
    await settle(third);
    await third.cut();
  });

  it('keep their streams while the store is gone, refuse what must be compared, and go on when it is back', async () => {
    const stream = managed();
    const first = await begin(stream);
    await redis.kill();
    for (const proxy of [one, other])
      await eventually(
        () => proxy.log.some(({ event, why }) => event === 'state.lost' && why === 'closed'),
        20_000,
      );

    first.client.say(said('while-lost'));
    await heard(first.gatekeeper, /id='while-lost'/);
    await settle(first);
    const [pushes, enlistments] = [received(provider, '/push'), received(partner, '/enlistments')];
    const request = { nonce: canaries.at('nonce while lost'), key: canaries.at('key while lost') };
    for (const answer of [
      await enlist(one, request),
      await withdraw(one, canaries.at('nonce of a withdrawal')),
      await push(other, canaries.at('notification while lost')),
    ]) {
      expect([answer.status, answer.json['code']]).toEqual([503, 'ERR_STATE_UNAVAILABLE']);
      expect(answer.headers['retry-after']).toBe('5');
    }
    expect([received(provider, '/push'), received(partner, '/enlistments')]).toEqual([pushes, enlistments]);
    expect((await admin(one, '/readyz')).status).toBe(200);
    expect(await metric(one, 'narthex_state_store_up')).toBe('0');
    expect(
      Number(await metric(one, 'narthex_state_operations_total{operation="claim",outcome="lost"}')),
    ).toBeGreaterThan(0);

    await redis.start();
    for (const proxy of [one, other])
      await eventually(
        () => proxy.log.filter(({ event }) => event === 'state.connected').length === 2,
        30_000,
      );
    expect(await metric(one, 'narthex_state_store_up')).toBe('1');
    expect((await enlist(other, request)).status).toBe(201);
    expect((await enlist(one, request)).status).toBe(201);
    expect((await push(other, canaries.at('notification while lost'))).status).toBe(202);
    expect(received(partner, '/enlistments') - enlistments).toBe(1);

    // The server has lost its records; that of the live stream is written again.
    await retried(20_000, async () => expect((await redis.dump()).size).toBeGreaterThanOrEqual(4));
    await first.cut();
    const second = await resume(other, stream);
    second.client.say(said('afterwards'));
    await heard(second.gatekeeper, /id='afterwards'/);
    await settle(second);
    await second.cut();
  });

  it('keep their streams while the store hangs, and answer requests in bounded time', async () => {
    const stream = managed();
    const first = await begin(stream);
    redis.hang();
    try {
      const requests = Array.from({ length: 20 }, (_, index) => push(one, canaries.at(`hanging ${index}`)));
      first.client.say(said('while-hanging'));
      await heard(first.gatekeeper, /id='while-hanging'/);
      await settle(first);
      const answers = await Promise.all(requests);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      await eventually(
        () => one.log.some(({ event, why }) => event === 'state.lost' && why === 'failing'),
        20_000,
      );
      expect((await admin(one, '/readyz')).status).toBe(200);
    } finally {
      redis.wake();
    }
    const connected = one.log.filter(({ event }) => event === 'state.connected').length;
    await eventually(
      () => one.log.filter(({ event }) => event === 'state.connected').length > connected,
      30_000,
    );
    expect((await push(one, canaries.at('after hanging'))).status).toBe(202);
    await first.cut();
  });

  it('start without the store, and are ready', async () => {
    await redis.kill();
    const third = await replica();
    try {
      expect((await admin(third, '/readyz')).status).toBe(200);
      expect(third.log.filter(({ event }) => event === 'state.lost')).toEqual([
        expect.objectContaining({ level: 'error', why: 'unreachable' }),
      ]);
      await redis.start();
      await eventually(() => third.log.some(({ event }) => event === 'state.connected'), 30_000);
      expect((await push(third, canaries.at('notification of a third'))).status).toBe(202);
    } finally {
      await third.stop();
    }
  });

  it('have given the store no value of all this, in any form', async () => {
    expect(records).toBeGreaterThan(15);
    expect(canaries.places.length).toBeGreaterThan(20);
    expect(canaries.found(dumped)).toEqual([]);
    expect(canaries.found(`${dumped}${canaries.at('subject')}`)).not.toEqual([]);
    for (const word of [domain, 'chat', 'test~', 'main', 'message', 'x.example', 'resumption', 'nonce'])
      expect(dumped).not.toContain(word);
    for (const proxy of [one, other]) expect(canaries.found(proxy.printed())).toEqual([]);
  });
});
