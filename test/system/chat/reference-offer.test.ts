/** The rules for an intermediary in the gatekeeper's Reference Offer (§7.6), each shown over real sockets against the
 *  simulated gatekeeper. */
import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readSigningKeys } from '../../../src/signals/keys.ts';
import { refreshingKeys } from '../../../src/signals/jwks.ts';
import { newSigningKey, type ChainOverrides } from '../../../src/simulator/chat/authority.ts';
import type {
  ChatAttestationRecord,
  ChatGatekeeperOptions,
  ChatProxyHeaderRecord,
} from '../../../src/simulator/chat/options.ts';
import { attach, bearerAuth, startChatParties } from '../../support/chat-parties.ts';
import type { ChatParties, ChatPartiesOptions } from '../../support/chat-parties.ts';
import { connectRaw, streamHeader } from '../../support/raw-client.ts';
import { signingKeyFolder } from '../../support/signing-keys.ts';

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

/** Collects what the proxy writes to each connection with the gatekeeper. */
function recorded(): { readonly written: Buffer[]; readonly front: ChatPartiesOptions['front'] } {
  const written: Buffer[] = [];
  const front = (socket: Socket, gatekeeper: ChatParties['gatekeeper']): void => {
    const index = written.push(Buffer.alloc(0)) - 1;
    socket.on('data', (chunk: Buffer) => {
      written[index] = Buffer.concat([written[index]!, chunk]);
    });
    attach(socket, gatekeeper);
  };
  return { written, front };
}

const message = (id: string, to: string, text: string): string =>
  `<message id='${id}' to='${to}' type='text'><enc v='2' type='msg'>${Buffer.from(text).toString('base64')}</enc></message>`;

describe('RO-7.6.1.1: standard connections on behalf of the client', () => {
  it('begin as the protocol of the gatekeeper does, and state nothing but what it asks for', async () => {
    const { written, front } = recorded();
    const { enlist, logIn, logins } = await start({ front });
    enlist(juliet);
    await logIn(juliet);
    expect(written[0]!.subarray(0, 4).toString('latin1')).toBe('WA\u0006\u0003');
    // ClientHello: length, field 2 with field 1 of 32 bytes.
    expect(written[0]!.subarray(4, 11).toString('hex')).toBe('00002412220a20');
    expect(logins[0]!.request).toMatchObject({ product: 2, fields: ['5', '20', '38', '38.2'] });
  });
});

describe('RO-7.6.1.2: stanzas in the form of the client-server protocol', () => {
  it('leave as its nodes, and come back as they were', async () => {
    const { enlist, logIn, nodes } = await start();
    enlist(juliet);
    const { address } = enlist(romeo);
    const [one, other] = [await logIn(juliet), await logIn(romeo)];
    one.socket.write(message('m1', address, 'O Romeo'));
    await other.until('TyBSb21lbw==</enc>');
    const sent = nodes.find(({ direction, node }) => direction === 'received' && node.tag === 'message');
    expect(sent!.node).toMatchObject({
      attrs: { id: 'm1', to: address, type: 'text' },
      content: [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from('O Romeo') }],
    });
  });
});

describe('RO-7.6.2.1: a connection of its own for each client', () => {
  it('is dialled for each login, with keys of its own', async () => {
    const { enlist, logIn, logins, connections } = await start();
    const subjects = Array.from({ length: 5 }, (_, index) => `user${index}@provider.example`);
    for (const subject of subjects) enlist(subject);
    const clients = await Promise.all(subjects.map((subject) => logIn(subject)));
    expect(connections.filter(({ event }) => event === 'logged-in')).toHaveLength(5);
    expect(new Set(logins.map(({ staticKey }) => staticKey.toString('hex'))).size).toBe(5);
    for (const client of clients) client.socket.destroy();
    await expect.poll(() => connections.filter(({ event }) => event === 'closed')).toHaveLength(5);
  });
});

describe('RO-7.6.2.2: Noise up to the gatekeeper', () => {
  it('hides every byte of token and stanza on the way', async () => {
    const { written, front } = recorded();
    const { enlist, connect, token } = await start({ front });
    enlist(juliet);
    const shown = await token(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(shown));
    await client.until('<success');
    expect(written).toHaveLength(1);
    for (const secret of [shown, shown.split('.')[1]!, 'eyJ', juliet])
      expect(written[0]!.includes(secret)).toBe(false);
  });

  const forger = newSigningKey();
  it.each<[string, ChainOverrides, string]>([
    ['another root', { intermediateSigner: forger }, 'unknown authority'],
    ['another intermediate', { leafSigner: forger }, 'unknown authority'],
    ['another key', { leafKey: forger.publicKey }, 'unknown authority'],
    ['another issuer', { intermediateIssuer: 77 }, 'unknown authority'],
    ['another serial', { leafIssuer: 77 }, 'unknown authority'],
    ['no leaf', { leave: 'leaf' }, 'unknown authority'],
    ['no intermediate', { leave: 'intermediate' }, 'unknown authority'],
    ['an end in the past', { notAfter: 1_000_000_000 }, 'expired'],
    ['a start in the future', { notBefore: 4_000_000_000 }, 'not valid yet'],
  ])('sends no token to a server whose certificates have %s', async (_, chain, text) => {
    const { enlist, connect, token, logins, proxy, connections } = await start({
      gatekeeper: { faults: () => ({ chain }) },
    });
    enlist(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(await token(juliet)));
    await client.closed;
    expect(client.received()).toContain('<remote-connection-failed ');
    expect(client.received()).toContain(text);
    await expect.poll(() => proxy.closed).toEqual(['ERR_CHANNEL_HANDSHAKE']);
    await expect.poll(() => connections.at(-1)?.event).toBe('closed');
    expect(logins).toEqual([]);
  });
});

describe('RO-7.6.2.3: the same life as the connection of the client', () => {
  it('is not there before the client has authenticated, and ends at once when it leaves', async () => {
    const { enlist, connect, logIn, connections } = await start();
    enlist(juliet);
    const waiting = await connect();
    await new Promise((done) => setTimeout(done, 100));
    expect(connections).toEqual([]);
    waiting.socket.destroy();
    const client = await logIn(juliet);
    const left = performance.now();
    client.tcp.resetAndDestroy();
    await expect.poll(() => connections.at(-1)?.event, { interval: 1 }).toBe('closed');
    expect(performance.now() - left).toBeLessThan(250);
  });

  it('ends for the client when the gatekeeper ends it; no connection replaces it', async () => {
    const { enlist, logIn, gatekeeper, connections } = await start();
    const { address } = enlist(juliet);
    const client = await logIn(juliet);
    gatekeeper.fail(address, { tag: 'stream:error', attrs: { code: '515' } });
    await client.closed;
    await new Promise((done) => setTimeout(done, 100));
    expect(connections.map(({ event }) => event)).toEqual(['opened', 'logged-in', 'closed']);
  });
});

describe("RO-7.6.2.4: the client's address", () => {
  const headers: ChatProxyHeaderRecord[] = [];
  const attestations: ChatAttestationRecord[] = [];

  async function startAttested(
    more: Partial<ChatGatekeeperOptions> = {},
    front?: ChatPartiesOptions['front'],
  ): Promise<ChatParties> {
    headers.length = 0;
    attestations.length = 0;
    const keys = await signingKeyFolder();
    return start({
      ...(front && { front }),
      gatekeeper: {
        listeners: [{ host: '127.0.0.1', port: 0, proxyProtocol: 'required' }],
        signals: {
          keys: refreshingKeys({
            load: async () => (await readSigningKeys(keys.folder)).jwks(),
            clock: () => performance.now(),
            cooldownMs: 0,
          }),
          issuer: 'proxy.example',
          audience: 'gatekeeper.example',
          required: true,
        },
        onProxyHeader: (record) => headers.push(record),
        onAttestation: (record) => attestations.push(record),
        ...more,
      },
      proxy: {
        signals: {
          section: { issuer: 'proxy.example', keysFolder: keys.folder },
          attestation: { audience: 'gatekeeper.example', carriers: { proxyProtocol: {} }, required: true },
        },
      },
    });
  }

  it('is in a PROXY header before the first byte of the protocol, for each client its own', async () => {
    const { enlist, logIn } = await startAttested();
    enlist(juliet);
    enlist(romeo);
    await logIn(juliet, { localAddress: '127.0.0.41' });
    await logIn(romeo, { localAddress: '127.0.0.42' });
    expect(headers.map(({ header }) => header.source?.address)).toEqual(['127.0.0.41', '127.0.0.42']);
  });

  it('is attested, bound to the ephemeral key of the handshake that follows', async () => {
    const { enlist, logIn, logins } = await startAttested();
    enlist(juliet);
    await logIn(juliet, { localAddress: '127.0.0.43' });
    expect(logins).toMatchObject([{ reason: undefined }]);
    const [{ verification }] = attestations as [ChatAttestationRecord];
    expect(verification).toMatchObject({
      kind: 'accepted',
      bindingChecked: true,
      claims: { signals: { client_ip: { address: '127.0.0.43', necessity: 'obligation' } } },
    });
    expect(verification.kind === 'accepted' && Object.keys(verification.claims.cnf)).toEqual([
      'noise-ephemeral#S256',
    ]);
  });

  it('is attested for no other handshake: the header of one connection is refused on another', async () => {
    let first: Buffer | undefined;
    const { enlist, logIn, connect, token, connections } = await startAttested({}, (socket) => {
      const onward = connectTcp({ host: '127.0.0.1', port: parties!.listenerPort });
      socket.once('data', (chunk: Buffer) => {
        const end = 16 + chunk.readUInt16BE(14);
        first ??= Buffer.from(chunk.subarray(0, end));
        onward.write(Buffer.concat([first, chunk.subarray(end)]));
        socket.pipe(onward).pipe(socket);
      });
      for (const each of [socket, onward]) each.on('error', () => {});
    });
    enlist(juliet);
    await logIn(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(await token(juliet)));
    await client.until('<temporary-auth-failure ');
    expect(attestations.map(({ verification }) => verification)).toMatchObject([
      { kind: 'accepted' },
      { kind: 'refused', code: 'ERR_ATTESTATION_BINDING' },
    ]);
    expect(connections.filter(({ event }) => event === 'logged-in')).toHaveLength(1);
  });
});

describe('RO-7.6.3.1: for interoperability only', () => {
  it('serves the domains of its gatekeepers, and no other', async () => {
    const { proxy, ca, connections } = await start();
    const client = connectRaw(proxy.direct, ca);
    client.socket.write(streamHeader('elsewhere.example'));
    await client.until('<host-unknown');
    await client.closed;
    expect(connections).toEqual([]);
  });

  it('logs in as a third party, never as the own app of the gatekeeper', async () => {
    const { enlist, logIn, logins } = await start();
    enlist(juliet);
    await logIn(juliet);
    expect(logins.map(({ request }) => request.product)).toEqual([2]);
  });
});
