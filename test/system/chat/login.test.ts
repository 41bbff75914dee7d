/** A client logs in through the proxy to a gatekeeper on the chat channel, over real sockets. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ns } from '../../../src/stanza/namespaces.ts';
import { bearerAuth, chatHeader, restartChat, startChatParties } from '../../support/chat-parties.ts';
import type { ChatParties, ChatPartiesOptions } from '../../support/chat-parties.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { connectRaw, streamHeader, type RawClient } from '../../support/raw-client.ts';

const juliet = 'juliet@provider.example';
const romeo = 'romeo@provider.example';

let parties: ChatParties;
async function start(options?: ChatPartiesOptions): Promise<ChatParties> {
  parties = await startChatParties(options);
  return parties;
}

afterEach(() => parties[Symbol.asyncDispose]());

/** Returns the condition of the next failure, and forgets it. */
async function failureOf(client: RawClient): Promise<string> {
  await client.until('</failure>');
  const [, condition] = /<failure [^>]*><([a-z-]+) /.exec(client.received()) ?? [];
  client.forget('</failure>');
  return condition!;
}

const letter = (id: string, to: string, text: string): string =>
  `<message id='${id}' to='${to}' type='text'><enc v='2' type='msg'>${base64(text)}</enc></message>`;

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe('a login', () => {
  it('succeeds, and messages pass each way', async () => {
    const { enlist, logIn, nodes } = await start();
    const [julietsAddress, romeosAddress] = [enlist(juliet).address, enlist(romeo).address];
    const [one, other] = [await logIn(juliet), await logIn(romeo)];
    one.socket.write(letter('m1', romeosAddress, 'O Romeo'));
    await other.until(`<enc type='msg' v='2'>${base64('O Romeo')}</enc>`);
    expect(other.received()).toContain(`from='${julietsAddress}'`);
    await one.until(/<ack [^>]*id='m1'/);
    other.socket.write(letter('m2', julietsAddress, 'Juliet'));
    await one.until(`${base64('Juliet')}</enc>`);
    const messages = nodes.filter(
      ({ direction, node }) => direction === 'received' && node.tag === 'message',
    );
    expect(messages.map(({ node }) => node.attrs['id'])).toEqual(['m1', 'm2']);
  });

  it('offers the mechanisms that carry a token, and dials no gatekeeper before the token is verified', async () => {
    const { connect, token, connections, logins, enlist } = await start();
    enlist(juliet);
    const client = await connect();
    client.socket.write(bearerAuth('not.a.token'));
    await client.until('</challenge>');
    client.socket.write(`<response xmlns='${ns.sasl}'>AQ==</response>`);
    expect(await failureOf(client)).toBe('not-authorized');
    client.socket.write(bearerAuth(await token(juliet, -60)));
    await client.until('</challenge>');
    client.socket.write(`<response xmlns='${ns.sasl}'>AQ==</response>`);
    expect(await failureOf(client)).toBe('not-authorized');
    expect([connections, logins]).toEqual([[], []]);
    client.socket.write(bearerAuth(await token(juliet)));
    await client.until('<success');
    await restartChat(client);
    expect(logins).toMatchObject([{ reason: undefined }]);
  });

  it('takes the token as the password of PLAIN', async () => {
    const { connect, token, enlist } = await start();
    enlist(juliet);
    const client = await connect();
    const message = Buffer.from(`\0${juliet}\0${await token(juliet)}`).toString('base64');
    client.socket.write(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'>${message}</auth>`);
    await client.until('<success');
  });

  it.each([
    ['401', 'not-authorized'],
    ['402', 'temporary-auth-failure'],
    ['403', 'account-disabled'],
    ['405', 'temporary-auth-failure'],
    ['406', 'account-disabled'],
    ['409', 'temporary-auth-failure'],
    ['413', 'credentials-expired'],
    ['414', 'not-authorized'],
    ['415', 'not-authorized'],
    ['418', 'not-authorized'],
    ['500', 'temporary-auth-failure'],
    ['501', 'temporary-auth-failure'],
    ['503', 'temporary-auth-failure'],
    ['999', 'temporary-auth-failure'],
    ['no number', 'temporary-auth-failure'],
  ])(
    'that the gatekeeper refuses for reason %s fails with %s, and may be tried again',
    async (reason, condition) => {
      let refusals = 1;
      const { connect, token, enlist } = await start({
        gatekeeper: { refuse: () => (refusals-- > 0 ? { reason } : undefined) },
      });
      enlist(juliet);
      const client = await connect();
      client.socket.write(bearerAuth(await token(juliet)));
      expect(await failureOf(client)).toBe(condition);
      client.socket.write(bearerAuth(await token(juliet)));
      await client.until('<success');
      await restartChat(client);
    },
  );

  it('is tried with the older secret too, for accounts that were enlisted under it', async () => {
    const secrets = [randomBytes(32), randomBytes(32)];
    const { enlist, logIn, logins } = await start({ secrets });
    enlist(juliet, secrets[1]);
    enlist(romeo, secrets[0]);
    await logIn(juliet);
    await logIn(romeo);
    expect(logins.map(({ reason }) => reason)).toEqual([401, undefined, undefined]);
  });

  it('gives the number of the account where the gatekeeper requires it', async () => {
    const { connect, token, enlist, logins } = await start({ chat: { accountNumber: 'account-id' } });
    const { address } = enlist(juliet);
    const client = await connect();
    for (const other of ['', '8-1@interop', address.replace('@interop', '@s.whatsapp.net'), romeo]) {
      client.socket.write(bearerAuth(await token(juliet), other));
      if (other === romeo) break;
      expect(await failureOf(client)).toBe('invalid-authzid');
    }
    await client.until('policy-violation');
    const next = await connect();
    next.socket.write(bearerAuth(await token(juliet), address));
    await next.until('<success');
    expect(logins.map(({ request }) => request.fields)).toEqual([['5', '20', '38', '38.1', '38.2']]);
  });

  it.each([
    ['text-only', false],
    ['phone', true],
  ])('says whether read receipts are shown, as profile %s does', async (name, expected) => {
    const policies = join(import.meta.dirname, '../../../policies');
    const shipped = readFileSync(join(policies, 'capabilities', `${name}.yaml`), 'utf8');
    await using folder = await temporaryFolder();
    const profile = await folder.write('profile.yaml', shipped.replace(/^match: .*$/m, ''));
    const { enlist, logIn, logins } = await start({
      chat: { enableReadReceipts: 'by-profile' },
      section: {
        capabilities: { contentKinds: join(policies, 'content-kinds.yaml'), profiles: [profile] },
      },
    });
    enlist(juliet);
    await logIn(juliet);
    expect(logins.map(({ request }) => request.enableReadReceipts)).toEqual([expected]);
  });

  it('ends after the attempts of one session', async () => {
    const { connect, token, proxy } = await start();
    const client = await connect();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      client.socket.write(bearerAuth(await token(juliet)));
      expect(await failureOf(client)).toBe('not-authorized');
    }
    client.socket.write(bearerAuth(await token(juliet)));
    await client.closed;
    await expect.poll(() => proxy.closed).toEqual(['ERR_AUTHENTICATION_ATTEMPTS']);
  });

  it('refuses what is sent together with the token', async () => {
    const { connect, token, proxy, enlist } = await start();
    enlist(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(await token(juliet)) + chatHeader());
    await client.closed;
    expect(client.received()).not.toContain('<success');
    // By whether the header is read in the old stream, or waits at the end of it.
    await expect
      .poll(() => proxy.closed)
      .toEqual([expect.stringMatching(/^ERR_(RESTART_PIPELINED|STREAM_HEADER)$/)]);
  });

  it.each([
    ['a stanza', "<message id='1'/>"],
    ['an element of another namespace', "<enable xmlns='urn:xmpp:sm:3'/>"],
  ])('comes before %s', async (_, element) => {
    const { connect, proxy } = await start();
    const client = await connect();
    client.socket.write(element);
    await client.closed;
    expect(client.received()).toContain('<not-authorized');
    await expect.poll(() => proxy.closed).toEqual(['ERR_NEGOTIATION']);
  });
});

describe('the content namespace', () => {
  it('is that of the chat channel, and no other', async () => {
    const { proxy, ca } = await start();
    const client = connectRaw(proxy.direct, ca);
    client.socket.write(streamHeader());
    await client.until('<invalid-namespace');
    await client.closed;
    await expect.poll(() => proxy.closed).toEqual(['ERR_STREAM_HEADER']);
  });

  it('stays the same after the restart', async () => {
    const { connect, token, proxy, enlist } = await start();
    enlist(juliet);
    const client = await connect();
    client.socket.write(bearerAuth(await token(juliet)));
    await client.until('<success');
    client.socket.write(streamHeader());
    await client.until('<invalid-namespace');
    await expect.poll(() => proxy.closed).toEqual(['ERR_STREAM_HEADER']);
  });
});
