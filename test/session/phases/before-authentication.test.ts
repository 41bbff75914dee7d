/** The phases before a gatekeeper is there: STARTTLS, TLS, the stream header that names a domain, and the dial. */
import { afterEach, describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/stanza/error.ts';
import {
  auth,
  closes,
  conditionIn,
  Conversation,
  domain,
  features,
  opens,
  settled,
  type ConversationOptions,
} from '../conversation.ts';

const talks: Conversation[] = [];
async function begin(options?: ConversationOptions): Promise<Conversation> {
  const talk = new Conversation(options);
  talks.push(talk);
  await settled();
  return talk;
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

const starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

describe('STARTTLS', () => {
  it('is the only feature in clear text, and then the stream begins anew', async () => {
    const talk = await begin({ tls: 'starttls' });
    await talk.client.says(opens());
    expect(talk.client.news()).toMatch(
      /from='capulet.example' id='[^']+' version='1.0'><stream:features><starttls .*<\/stream:features>$/,
    );
    await talk.client.says(starttls);
    expect(talk.client.news()).toBe("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    expect(talk.phases).toEqual(['securing', 'routing']);
  });

  it('may be followed by a line end', async () => {
    const talk = await begin({ tls: 'starttls' });
    await talk.client.says(`${opens()}${starttls}\n`);
    expect(talk.phase).toBe('routing');
  });

  it.each([
    ['something in the same packet', `${starttls}<presence/>`, 'ERR_STARTTLS_PIPELINED'],
    ['something else than STARTTLS', auth, 'ERR_STARTTLS_REQUIRED'],
  ])('refuses %s', async (_, said, code) => {
    const talk = await begin({ tls: 'starttls' });
    await talk.client.says(opens() + said);
    expect(conditionIn(talk.client.heard)).toBe('policy-violation');
    expect(talk.client.heard).not.toContain('<proceed');
    await talk.session.done;
    expect(talk.closed).toBe(code);
  });

  it('may be declined by closing the stream', async () => {
    const talk = await begin({ tls: 'starttls' });
    await talk.client.says(opens() + closes);
    await talk.session.done;
    expect(talk.client.heard.endsWith(closes)).toBe(true);
    expect(talk.closed).toBe('client-closed');
  });
});

describe('TLS with the client', () => {
  it('that fails ends the session without an answer in clear text', async () => {
    const failure = new StreamError('policy-violation', { code: 'ERR_TLS_HANDSHAKE' });
    const talk = await begin({ secure: () => Promise.reject(failure) });
    await talk.session.done;
    expect(talk.client.heard).toBe('');
    expect(talk.closed).toBe('ERR_TLS_HANDSHAKE');
  });

  it('that fails for another reason is reported as internal', async () => {
    const talk = await begin({ secure: () => Promise.reject(new TypeError('a defect')) });
    await talk.session.done;
    expect(talk.closed).toBe('ERR_INTERNAL');
  });

  it('that completes after the deadline finds the session over', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let aborted = false;
    const talk = await begin({
      secure: async (socket, signal) => {
        signal.addEventListener('abort', () => (aborted = true));
        await promise;
        return {
          socket,
          handshake: { milliseconds: 1, serverName: undefined, alpn: undefined, version: '' },
        };
      },
    });
    talk.clock.advance(30_000);
    resolve();
    await talk.session.done;
    expect(aborted).toBe(true);
    expect(talk.closed).toBe('ERR_PRE_AUTH_TIMEOUT');
    expect(talk.phases).toEqual(['securing', 'closing']);
  });
});

describe('the stream header', () => {
  it.each([
    ['of a domain that is not served', opens({ to: 'elsewhere.example' }), 'host-unknown', 'ERR_UNKNOWN_DOMAIN'],
    ['of another version', opens({ version: '2.0' }), 'unsupported-version', 'ERR_STREAM_VERSION'],
    ['of another content', opens({ content: 'jabber:server' }), 'invalid-namespace', 'ERR_STREAM_HEADER'],
    ['that is none', '<presence/>', 'bad-namespace-prefix', undefined],
  ])('%s is answered with a stream and the error in it', async (_, said, condition, code) => {
    const talk = await begin();
    await talk.client.says(said);
    await talk.session.done;
    expect(talk.client.heard).toMatch(/^<\?xml version='1.0'\?><stream:stream /);
    if (code !== undefined) expect(conditionIn(talk.client.heard)).toBe(condition);
    if (code === undefined) expect(talk.closed).toMatch(/^ERR_/);
    else expect(talk.closed).toBe(code);
    expect(talk.dialled).toEqual([]);
  }); // prettier-ignore

  it('must name the domain that TLS has named', async () => {
    const talk = await begin({ serverName: 'montague.example' });
    await talk.client.says(opens());
    expect(conditionIn(talk.client.heard)).toBe('host-unknown');
    await talk.session.done;
    expect(talk.closed).toBe('ERR_SNI_MISMATCH');
  });

  it('may differ in case from it', async () => {
    const talk = await begin({ serverName: domain.toUpperCase() });
    await talk.client.says(opens({ to: 'Capulet.Example' }));
    expect(talk.dialled).toEqual(['ok']);
  });
});

describe('a process that does not keep up', () => {
  it.each(['direct', 'starttls'] as const)('begins no session on a listener with TLS %s', async (tls) => {
    const talk = await begin({ tls, overloaded: () => true });
    await talk.client.says(opens());
    expect(await talk.session.done).toBe('ERR_OVERLOAD');
    expect(conditionIn(talk.client.heard)).toBe(tls === 'direct' ? undefined : 'resource-constraint');
    expect(talk.dialled).toEqual([]);
  });
});

describe('the dial', () => {
  it('holds the client’s bytes meanwhile, and passes them on in order', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const talk: Conversation = await begin({
      connect: async () => {
        await promise;
        return talk.gatekeeper.socket;
      },
    });
    await talk.client.says(opens());
    await talk.client.says(auth.slice(0, 20));
    await talk.client.says(auth.slice(20));
    expect(talk.phase).toBe('dialling');
    resolve();
    await settled();
    expect(talk.phase).toBe('authenticating');
    expect(talk.gatekeeper.heard).toMatch(/^<\?xml [^>]+><stream:stream [^>]+><auth .*<\/auth>$/);
  });

  it('stops reading a client that sends more than one stanza may hold', async () => {
    const talk = await begin({ connect: () => new Promise(() => {}) });
    await talk.client.says(opens());
    await talk.client.says(' '.repeat(20_000));
    expect(talk.client.socket.isPaused()).toBe(true);
  });

  it.each([
    ['refuses', new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_UNREACHABLE' }), 'ERR_GATEKEEPER_UNREACHABLE'],
    ['meets a defect', new TypeError('a defect'), 'ERR_INTERNAL'],
  ])('that %s reaches the client as an error', async (_, error, code) => {
    const talk = await begin({ connect: () => Promise.reject(error) });
    await talk.client.says(opens());
    await talk.session.done;
    expect(talk.client.heard).toContain(`from='${domain}'`);
    expect(conditionIn(talk.client.heard)).toBe(
      code === 'ERR_INTERNAL' ? 'internal-server-error' : 'remote-connection-failed',
    );
    expect(talk.dialled).toEqual([code]);
    expect(talk.closed).toBe(code);
  }); // prettier-ignore

  it('is abandoned when the client leaves, and a late connection is destroyed', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let aborted = false;
    const talk: Conversation = await begin({
      connect: async (_, signal) => {
        signal.addEventListener('abort', () => (aborted = true));
        await promise;
        return talk.gatekeeper.socket;
      },
    });
    await talk.client.says(opens());
    await talk.client.hangsUp();
    resolve();
    await talk.session.done;
    await settled();
    expect(aborted).toBe(true);
    expect(talk.gatekeeper.socket.destroyed).toBe(true);
    expect(talk.gatekeeper.heard).toBe('');
    expect(talk.closed).toBe('client-closed');
  });

  it.each([
    ['capital letters', { to: 'CAPULET.example' }],
    ['a later minor version', { version: '1.9' }],
  ])('is followed by a header with the domain as routed and our version: %s', async (_, header) => {
    const plain = await begin();
    await plain.client.says(opens());
    const talk = await begin();
    await talk.client.says(opens(header));
    expect(talk.gatekeeper.heard).toBe(plain.gatekeeper.heard);
    expect(talk.gatekeeper.heard).toContain(` to='${domain}' version='1.0'>`);
  });

  it('is followed by the header as the policy shows it', async () => {
    const talk = await begin({ filterHeader: () => new Map([['to', 'shown.example']]) });
    await talk.client.says(opens());
    expect(talk.gatekeeper.heard).toContain("to='shown.example'");
    expect(talk.gatekeeper.heard).not.toContain(features());
  });
});
