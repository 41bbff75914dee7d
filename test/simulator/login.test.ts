import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectClient } from '../../src/simulator/client.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { createGatekeeper } from '../../src/simulator/gatekeeper.ts';
import { domain, startGatekeeper, users } from './support/gatekeeper.ts';
import { openRaw, streamHeader, type Raw } from './support/raw.ts';

const bind = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>`;
const starttls = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
const plain = (text: string) =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from(text).toString('base64')}</auth>`;

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
beforeAll(async () => {
  gatekeeper = await startGatekeeper({
    limits: { negotiationTimeoutMs: 1_500, connectionsMax: 50, closeTimeoutMs: 500 },
  });
});
afterAll(() => gatekeeper.close());

/** A raw connection whose TLS is up and whose features have come. */
async function openSecured(): Promise<Raw> {
  const raw = await openRaw(gatekeeper.endpoints.direct);
  raw.write(streamHeader(domain));
  await raw.until(/<\/stream:features>/);
  raw.forget();
  return raw;
}

describe('Juliet logs in', () => {
  it.each(['starttls', 'direct'] as const)('over %s with SCRAM-SHA-256', async (tls) => {
    const seen: string[] = [];
    const juliet = await gatekeeper.logIn('juliet', {
      endpoint: gatekeeper.endpoints[tls],
      resource: tls,
      onXml: (direction, xml) => seen.push(`${direction} ${xml}`),
    });
    expect(juliet.jid).toBe(`juliet@${domain}/${tls}`);
    expect(seen.filter((line) => line.includes('<stream:stream')).length).toBe(tls === 'direct' ? 4 : 6);
    await juliet.close();
    const events = gatekeeper.connections.filter((one) => one.jid === juliet.jid).map(({ event }) => event);
    expect(events).toEqual(['bound', 'closed']);
  });

  it('and the records have the bytes of both sides', async () => {
    const mine: string[] = [];
    const juliet = await gatekeeper.logIn('juliet', {
      onXml: (direction, xml) => mine.push(direction + xml),
    });
    await juliet.close();
    const { connectionId } = gatekeeper.connections.findLast((one) => one.jid === juliet.jid)!;
    const theirs = gatekeeper.stanzas
      .filter((one) => one.connectionId === connectionId)
      .map(({ direction, xml }) => (direction === 'received' ? 'sent' : 'received') + xml);
    expect(theirs).toEqual(mine);
  });

  it('not with a wrong password', async () => {
    await expect(gatekeeper.logIn('juliet', { password: 'wrong' })).rejects.toThrow(/not-authorized/);
  });

  it('not when the certificate is of another authority', async () => {
    const ca = createDevelopmentAuthority().certificate;
    for (const endpoint of Object.values(gatekeeper.endpoints))
      await expect(gatekeeper.logIn('juliet', { endpoint: { ...endpoint, ca } })).rejects.toThrow(
        /ERR_SIMULATOR_CONNECT/,
      );
  });

  it('with PLAIN inside TLS, her elements dribbling in one byte at a time', async () => {
    const raw = await openRaw(gatekeeper.endpoints.direct);
    const dribble = async (xml: string, answer: RegExp) => {
      for (const byte of Buffer.from(xml)) raw.write(Uint8Array.of(byte));
      return raw.until(answer);
    };
    await dribble(streamHeader(domain), /mechanisms>/);
    await dribble(plain('\0juliet\0balcony'), /<success/);
    await dribble(streamHeader(domain), /<bind /);
    expect(await dribble(bind, /<jid>/)).toContain(`<jid>juliet@${domain}/r</jid>`);
    raw.destroy();
  });

  it('with a line feed after each element, as go-sendxmpp writes', async () => {
    const clear = await openRaw(gatekeeper.endpoints.starttls);
    clear.write(streamHeader(domain));
    await clear.until(/<\/stream:features>/);
    clear.write(`${starttls}\n`);
    await clear.until(/<proceed/);
    const raw = await clear.secure();
    raw.write(streamHeader(domain));
    await raw.until(/mechanisms>/);
    raw.write(`${plain('\0juliet\0balcony')}\n`);
    await raw.until(/<success/);
    raw.write(`${streamHeader(domain)}\n`);
    await raw.until(/<bind /);
    raw.destroy();
  });
});

describe('the gatekeeper refuses', () => {
  it.each([
    ['another domain', streamHeader('montague.example'), 'host-unknown'],
    ['no domain', streamHeader(domain).replace(` to='${domain}'`, ''), 'host-unknown'],
    ['another stream namespace', streamHeader(domain).replace('etherx', 'etheric'), 'invalid-namespace'],
    ['server-to-server', streamHeader(domain).replace('jabber:client', 'jabber:server'), 'invalid-namespace'],
    ['no version', streamHeader(domain).replace(" version='1.0' xmlns", ' xmlns'), 'unsupported-version'],
    ['a stanza in clear text', `${streamHeader(domain)}<message/>`, 'not-authorized'],
    ['a comment', `${streamHeader(domain)}<!-- -->`, 'restricted-xml'],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from(`${streamHeader(domain)}<a>`), Buffer.from([0xff, 0x3e])]),
      'not-well-formed',
    ],
    ['bytes that are no stream', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: <a>', 'not-well-formed'],
    [
      'more than 10,000 bytes unauthenticated',
      `${streamHeader(domain)}<a b='${'x'.repeat(10_000)}'/>`,
      'policy-violation',
    ],
  ] as const)('%s', async (_, input, condition) => {
    const raw = await openRaw(gatekeeper.endpoints.starttls);
    raw.write(input);
    const received = await raw.closed();
    expect(received).toMatch(/^<\?xml version='1.0'\?><stream:stream /);
    expect(received).toContain(`<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>`);
    expect(received.endsWith('</stream:stream>')).toBe(true);
  });

  it.each([
    ['a stanza', `<message/>`],
    ['a TLS record', '\x16\x03\x01'],
  ])('%s pipelined after <starttls/>, and never proceeds', async (_, pipelined) => {
    const raw = await openRaw(gatekeeper.endpoints.starttls);
    raw.write(streamHeader(domain));
    await raw.until(/<\/stream:features>/);
    raw.write(starttls + pipelined);
    const received = await raw.closed();
    expect(received).toContain('<policy-violation');
    expect(received).not.toContain('<proceed');
  });

  it('SASL in clear text', async () => {
    const raw = await openRaw(gatekeeper.endpoints.starttls);
    raw.write(streamHeader(domain) + plain('\0juliet\0balcony'));
    // Out of turn: before TLS nothing but STARTTLS is on offer.
    expect(await raw.until(/<failure.*<\/failure>/)).toContain('<encryption-required/>');
    raw.destroy();
  });

  it.each([
    [
      'an unknown mechanism',
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>`,
      'invalid-mechanism',
    ],
    [
      'bad base64',
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>A</auth>`,
      'incorrect-encoding',
    ],
    ['an abort', `<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`, 'aborted'],
    ["another user's identity", plain('romeo@capulet.example\0juliet\0balcony'), 'invalid-authzid'],
  ])('%s, and lets the client try again', async (_, auth, condition) => {
    const raw = await openSecured();
    raw.write(auth);
    expect(await raw.until(/<\/failure>/)).toContain(`<${condition}/>`);
    raw.write(plain('\0juliet\0balcony'));
    await raw.until(/<success/);
    raw.destroy();
  });

  it('a third wrong password', async () => {
    const raw = await openSecured();
    for (const attempt of [1, 2, 3]) raw.write(plain(`\0juliet\0${attempt}`));
    expect(await raw.closed()).toMatch(/(<failure.*){3}<policy-violation/);
  });

  it('stanzas before resource binding', async () => {
    const raw = await openSecured();
    raw.write(plain('\0juliet\0balcony'));
    await raw.until(/<success/);
    raw.write(`${streamHeader(domain)}<message to='romeo@${domain}'><body>early</body></message>`);
    expect(await raw.closed()).toContain('<not-authorized');
  });

  it('to wait for ever', async () => {
    const raw = await openRaw(gatekeeper.endpoints.starttls);
    raw.write(streamHeader(domain));
    expect(await raw.closed()).toContain('<connection-timeout');
  });
});

async function bindTwice(resourceConflict: 'rename' | 'refuse' | 'replace') {
  const own = await startGatekeeper({ resourceConflict });
  const first = await own.logIn('juliet', { resource: 'balcony' });
  const second = own.logIn('juliet', { resource: 'balcony' });
  return { own, first, second };
}

describe('a resource in use', () => {
  it('is given another name', async () => {
    const { own, second } = await bindTwice('rename');
    expect((await second).jid).toMatch(new RegExp(`^juliet@${domain}/[0-9a-f]{16}$`));
    await own.close();
  });

  it('is refused', async () => {
    const { own, second } = await bindTwice('refuse');
    await expect(second).rejects.toThrow(/ERR_SIMULATOR_NEGOTIATION/);
    await own.close();
  });

  it('is taken over, the first session ending with a conflict', async () => {
    const { own, first, second } = await bindTwice('replace');
    expect((await second).jid).toBe(first.jid);
    await expect(first.receive(() => true)).rejects.toThrow(/stream error conflict/);
    await own.close();
  });

  it('and there are so many of them', async () => {
    const own = await startGatekeeper({ limits: { resourcesMax: 2 } });
    await own.logIn('juliet');
    await own.logIn('juliet');
    await expect(own.logIn('juliet')).rejects.toThrow(/ERR_SIMULATOR_NEGOTIATION/);
    await own.close();
  });
});

describe('channel binding on offer', () => {
  it('binds a client that can, admits one that cannot, refuses one that saw no offer', async () => {
    const own = await startGatekeeper({ channelBinding: true });
    const juliet = await own.logIn('juliet', { channelBinding: 'use' });
    expect(own.stanzas.some(({ xml }) => xml.includes("mechanism='SCRAM-SHA-256-PLUS'"))).toBe(true);
    expect(own.stanzas.some(({ xml }) => xml.includes("<channel-binding type='tls-exporter'/>"))).toBe(true);
    await juliet.close();
    await (await own.logIn('juliet', { channelBinding: 'absent' })).close();
    await expect(own.logIn('juliet', { channelBinding: 'claims-not-offered' })).rejects.toThrow(
      /not-authorized/,
    );
    await own.close();
  });

  it('is not there by default, so that claiming its absence is true', async () => {
    const juliet = await gatekeeper.logIn('juliet', { channelBinding: 'claims-not-offered' });
    await juliet.close();
  });
});

describe('the gatekeeper itself', () => {
  it('closes every stream', async () => {
    const own = await startGatekeeper();
    const juliet = await own.logIn('juliet');
    await own.close();
    await expect(juliet.receive(() => true)).rejects.toThrow(/ended the stream|closed the connection/);
    expect(own.stanzas.findLast(({ direction }) => direction === 'sent')?.xml).toBe('</stream:stream>');
    const { endpoints } = own;
    const again = connectClient({ endpoint: endpoints.starttls, ...users.juliet });
    await expect(again).rejects.toThrow(/ERR_SIMULATOR_CONNECT.*ECONNREFUSED/);
  });

  it('cuts a handshake that has stalled', async () => {
    const own = await startGatekeeper({ limits: { closeTimeoutMs: 100 } });
    const raw = await openRaw({ ...own.endpoints.direct, tls: 'starttls' });
    await own.close();
    await raw.closed();
  });

  it('opens all its ports or none', async () => {
    const certificate = createDevelopmentAuthority().issue([domain]);
    const free = { tls: 'starttls', host: '127.0.0.1', port: 0 } as const;
    const options = { domain, users: [users.juliet], certificate };
    const taken = createGatekeeper({ ...options, listeners: [free] });
    const [bound] = await taken.start();
    const second = createGatekeeper({ ...options, listeners: [free, { ...free, port: bound!.port }] });
    await expect(second.start()).rejects.toThrow(`cannot listen on port ${bound!.port}`);
    await taken.close();
  });

  it.each([
    ['no listeners', { listeners: [] }],
    ['a domain that is none', { domain: 'a@b' }],
    ['a key that is none', { certificate: { certificate: 'x', key: 'y' } }],
    ['the same user twice', { users: [users.juliet, { username: 'JULIET', password: 'x' }] }],
    ['too few rounds', { scramIterations: 1 }],
  ])('wants better options than %s', async (_, options) => {
    await expect(startGatekeeper(options)).rejects.toThrow(/ERR_SIMULATOR_OPTIONS/);
  });
});
