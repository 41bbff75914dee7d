/** What passes between a client and a gatekeeper on the chat channel, and what does not, over real sockets. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/clock.ts';
import { createObserver } from '../../../src/app/telemetry/observer.ts';
import { FileStates } from '../../../src/observability/file-states.ts';
import { version } from '../../../src/observability/identifiers.ts';
import { openLog } from '../../../src/observability/log.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { SessionGauge } from '../../../src/observability/session-gauge.ts';
import { openTracing } from '../../../src/observability/tracing.ts';
import { bearerAuth, chatHeader, startChatParties } from '../../support/chat-parties.ts';
import type { ChatParties, ChatPartiesOptions } from '../../support/chat-parties.ts';
import { connectRaw, logInRaw, streamHeader, type RawClient } from '../../support/raw-client.ts';
import { negotiate, startRawServer, type RawGatekeeper } from '../../support/raw-gatekeeper.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const juliet = 'juliet@provider.example';
const romeo = 'romeo@provider.example';

let parties: ChatParties | undefined;
async function start(options?: ChatPartiesOptions): Promise<ChatParties> {
  return (parties = await startChatParties(options));
}

afterEach(async () => {
  await parties?.[Symbol.asyncDispose]();
  parties = undefined;
});

const received = ({ nodes }: ChatParties, tag: string): (string | undefined)[] =>
  nodes
    .filter(({ direction, node }) => direction === 'received' && node.tag === tag)
    .map(({ node }) => node.attrs['id']);

async function loggedIn(options?: ChatPartiesOptions): Promise<{
  readonly client: RawClient;
  readonly all: ChatParties;
  readonly address: string;
}> {
  const all = await start(options);
  const { address } = all.enlist(juliet);
  const client = await all.logIn(juliet);
  await client.until(/<offline [^>]*\/><\/ib>/);
  client.forget();
  return { client, all, address };
}

describe('a stanza of the client', () => {
  it('without a form in the binary protocol is answered, and the session goes on', async () => {
    const { client, all } = await loggedIn();
    client.socket.write("<message id='bad' to='1@lid'><enc>no base64!</enc></message>");
    await client.until(/<ack [^>]*id='bad'[^>]*\/>|<ack [^>]*id='bad'/);
    client.socket.write("<iq id='worse' type='get' to='s.whatsapp.net'><x xmlns='urn:other'/></iq>");
    await client.until(/<iq [^>]*id='worse'[^>]*type='error'/);
    client.socket.write("<iq id='good' type='get' to='s.whatsapp.net' n:xmlns='w:p'/>");
    await client.until(/<iq [^>]*id='good'/);
    expect([received(all, 'message'), received(all, 'iq')]).toEqual([[], ['good']]);
  });

  it.each([
    ["<success t='1'/>", 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    ["<failure reason='401'/>", 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    ['<xmlstreamend/>', 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    ["<n:node tag='stream:error' code='515'/>", 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    ["<enable xmlns='urn:xmpp:sm:3' resume='true'/>", 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    ["<message xmlns='jabber:client' to='a@b'/>", 'ERR_NEGOTIATION', 'unsupported-stanza-type'],
    [
      "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
      'ERR_CLIENT_GAVE_UP',
      'undefined-condition',
    ],
    ["<presence id='p'>text <b/></presence>", 'ERR_CHANNEL_STANZA', 'policy-violation'],
  ])('is no %s: the session ends', async (element, code, condition) => {
    const { client, all } = await loggedIn();
    const before = all.nodes.length;
    client.socket.write(element);
    await client.closed;
    expect(client.received()).toContain(`<${condition} `);
    await expect.poll(() => all.proxy.closed).toEqual([code]);
    expect(all.nodes.slice(before).filter(({ direction }) => direction === 'received')).toEqual([]);
  });

  it('may have prefixes of its own for marks', async () => {
    const { client, all } = await loggedIn();
    client.socket.write(
      "<iq id='1' type='get' to='s.whatsapp.net' xmlns:other='urn:narthex:chat:marks:0' other:xmlns='w:p'/>",
    );
    await client.until(/<iq [^>]*id='1'/);
    expect(received(all, 'iq')).toEqual(['1']);
  });
});

describe('the gatekeeper’s hints past the proxy', () => {
  it('do not reach the client: the routing cookie is removed, and what stands next to it passes', async () => {
    const { client, all, address } = await loggedIn();
    const cookie = {
      tag: 'edge_routing',
      attrs: {},
      content: [{ tag: 'routing_info', attrs: {}, content: Buffer.from('cookie') }],
    };
    const offline = { tag: 'offline', attrs: { count: '7' } };
    all.gatekeeper.deliver(address, { tag: 'ib', attrs: { from: 's.whatsapp.net' }, content: [cookie] });
    all.gatekeeper.deliver(address, {
      tag: 'ib',
      attrs: { from: 's.whatsapp.net' },
      content: [cookie, offline],
    });
    await client.until("count='7'");
    expect(client.received().match(/<ib/g)).toHaveLength(1);
    expect(client.received()).not.toMatch(/routing|Y29va2ll/);
  });
});

describe('a policy', () => {
  it('that is reloaded holds from the next stanza on', async () => {
    await using folder = await temporaryFolder();
    const house = (audiences: string): string =>
      `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: house }\nspec:\n  extends: passthrough\n  audiences: ${audiences}\n`;
    const policy = await folder.write('policy.yaml', house('{}'));
    const { client, all } = await loggedIn({ proxy: { policy } });
    const typing = "<chatstate to='1@s.whatsapp.net'><composing/></chatstate>";
    const ping = (id: string): string => `<iq id='${id}' type='get' to='s.whatsapp.net' n:xmlns='w:p'/>`;
    client.socket.write(typing + ping('1'));
    await client.until(/<iq [^>]*id='1'/);
    expect(received(all, 'chatstate')).toHaveLength(1);
    await folder.write('policy.yaml', house('{ gatekeeper: { chat-state: drop } }'));
    await all.proxy.proxy.refresh();
    expect(all.proxy.policy.at(-1)).toBe('reloaded house');
    client.socket.write(typing + ping('2') + typing + ping('3'));
    await client.until(/<iq [^>]*id='3'/);
    expect(received(all, 'chatstate')).toHaveLength(1);
    expect(received(all, 'iq')).toEqual(['1', '2', '3']);
  });
});

describe('the operator', () => {
  it('sees outcomes and counts, and no value of a token, an address or a stanza', async () => {
    let log = '';
    const metrics = createMetrics({ version: '1', processMetrics: false });
    const observer = createObserver({
      version: version('1.0.0'),
      log: openLog({
        level: 'debug',
        now: () => Date.now(),
        destination: { write: (line) => (log += line) },
      }),
      metrics,
      tracing: await openTracing({ collector: undefined, version: '1', failed: () => {}, dropped: () => {} }),
      gauge: new SessionGauge(),
      files: new FileStates(),
      clock: systemClock,
    });
    let refusals = 1;
    const all = await start({
      proxy: { observer },
      gatekeeper: {
        refuse: () => (refusals-- > 0 ? { reason: '401', message: 'canary-reason' } : undefined),
      },
    });
    const { address } = all.enlist(juliet);
    const token = await all.token(juliet);
    const client = await all.connect();
    client.socket.write(bearerAuth(token));
    await client.until('</failure>');
    const again = await all.logIn(juliet);
    again.socket.write("<message id='canary-id' to='4915199@s.whatsapp.net'><enc>Y2FuYXJ5</enc></message>");
    await expect.poll(() => received(all, 'message')).toEqual(['canary-id']);
    again.socket.write("<presence name='canary-name'>canary <b/></presence>");
    await again.closed;
    all.gatekeeper.fail(address, { tag: 'stream:error', attrs: { code: '515', text: 'canary-text' } });
    await expect.poll(() => log).toContain('ERR_CHANNEL_STANZA');
    const told = `${log}${await metrics.text()}`;
    expect(log).toContain('"refusal":"ERR_CHAT_LOGIN_ACCOUNT"');
    expect(told).toMatch(/narthex_stanzas_total\{direction="to-gatekeeper",kind="message"\} 1/);
    for (const value of [
      ...token.split('.'),
      'canary',
      'Y2FuYXJ5',
      'juliet',
      '4915199',
      address.split('@')[0]!,
    ])
      expect(told).not.toContain(value);
  });
});

describe('a recording', () => {
  it('has the stanzas of the chat channel with tokens for their values, and changes nothing of what passes', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'recording.jsonl');
    const { client, all } = await loggedIn({
      proxy: { recording: { file, durationMs: 3_600_000, bytesMax: 1_048_576 } },
    });
    client.socket.write("<message id='canary-id' to='4915199@s.whatsapp.net'><enc>Y2FuYXJ5</enc></message>");
    await client.until(/<ack [^>]*id='canary-id'/);
    expect(received(all, 'message')).toEqual(['canary-id']);
    await all.proxy.proxy.close(0);
    const text = await readFile(file, 'utf8');
    expect(text).toContain('message');
    expect(text).not.toMatch(/canary|Y2FuYXJ5|4915199/);
  });
});

describe('two gatekeepers, one of each protocol, with one policy', () => {
  it('serve their clients at once, and nothing crosses', async () => {
    let gatekeeper: RawGatekeeper | undefined;
    let heard = '';
    const all = await start({
      proxy: { policy: 'balanced' },
      more: async ({ certificate, key, caFile }) => {
        gatekeeper = await startRawServer(certificate, key, (socket, tcp) =>
          negotiate(socket, tcp, () => socket.on('data', (chunk: Buffer) => (heard += chunk.toString())), ''),
        );
        return {
          otherDomains: [{ domain: 'other.localhost', gatekeeper: 'other' }],
          otherGatekeepers: [
            { name: 'other', connect: { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' }, caFile },
          ],
        };
      },
    });
    try {
      all.enlist(juliet);
      const { address } = all.enlist(romeo);
      const xmpp = await logInRaw(all.proxy.direct, all.ca, {
        to: 'other.localhost',
        servername: 'other.localhost',
      });
      const [one, other] = [await all.logIn(juliet), await all.logIn(romeo)];
      const rounds = Array.from({ length: 50 }, (_, index) => index);
      for (const round of rounds) {
        one.socket.write(
          `<message id='chat-${round}' to='${address}' type='text'><enc v='2' type='msg'>AA==</enc></message>`,
        );
        xmpp.socket.write(
          `<message id='xmpp-${round}' to='romeo@other.localhost' type='chat'><body>hi</body></message>`,
        );
      }
      await expect.poll(() => other.received().match(/<enc /g)?.length).toBe(50);
      await expect.poll(() => heard.match(/<message/g)?.length).toBe(50);
      expect(received(all, 'message')).toEqual(rounds.map((round) => `chat-${round}`));
      expect(heard).not.toMatch(/chat-|urn:narthex|<enc/);
      const everything = JSON.stringify(all.nodes);
      expect(everything).not.toMatch(/xmpp-|romeo@other|jabber:client/);
      expect(`${one.received()}${other.received()}`).not.toContain('xmpp-');
      expect(xmpp.received()).not.toContain('chat-');
    } finally {
      gatekeeper?.close();
    }
  });

  it('refuse the content of the other', async () => {
    let gatekeeper: RawGatekeeper | undefined;
    const all = await start({
      more: async ({ certificate, key, caFile }) => {
        gatekeeper = await startRawServer(certificate, key, () => {});
        return {
          otherDomains: [{ domain: 'other.localhost', gatekeeper: 'other' }],
          otherGatekeepers: [
            { name: 'other', connect: { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' }, caFile },
          ],
        };
      },
    });
    try {
      for (const [servername, header] of [
        ['other.localhost', chatHeader('other.localhost')],
        ['localhost', streamHeader('localhost')],
      ] as const) {
        const client = connectRaw(all.proxy.direct, all.ca, { servername });
        client.socket.write(header);
        await client.until('<invalid-namespace ');
        await client.closed;
      }
      expect(all.connections).toEqual([]);
    } finally {
      gatekeeper?.close();
    }
  });
});
