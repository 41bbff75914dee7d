import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { element } from '../../src/simulator/xml/element.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { openRaw, streamHeader } from '../simulator/support/raw.ts';
import { accepted, startAttested, type Attested, type AttestedOptions } from '../support/attested.ts';
import { eventually } from '../support/wait.ts';

let scene: Attested;
const start = async (options: AttestedOptions): Promise<Attested> => (scene = await startAttested(options));
afterEach(() => scene?.close());

const auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABiYWxjb255</auth>";
const p0f = /^4:64\+0:0:\d+:.*:mss,.*:.*:0$/;
const ja4 = /^t13[di]\d{4}/;

describe('Juliet logs in through the proxy, and the gatekeeper learns of her connection', () => {
  it.each([
    ['direct', 'direct'],
    ['starttls', 'direct'],
    ['direct', 'starttls'],
    ['starttls', 'starttls'],
  ] as const)('in the stream: she over %s, the gatekeeper over %s', async (tls, gatekeeperTls) => {
    await start({ carriers: { stream: {} }, required: true, gatekeeperTls });
    const seen: string[] = [];
    await scene.logIn(tls, { onXml: (direction, xml) => seen.push(`${direction} ${xml}`) });
    expect(scene.attestations).toHaveLength(1);
    const { signals, iss, aud } = accepted(scene);
    expect([iss, aud]).toEqual(['proxy.example', 'gatekeeper.example']);
    expect(signals).toMatchObject({
      client_ip: { address: '127.0.0.1', observed_by: 'edge', necessity: 'obligation' },
      tcp: { p0f: expect.stringMatching(p0f), observed_by: 'edge', necessity: 'anti-abuse' },
      tls: { ja4: expect.stringMatching(ja4), observed_by: 'edge' },
      round_trip: { tcp_ms: 0, observed_by: 'edge' },
    });
    // Neither the offer nor the statement reaches her.
    expect(seen.join('')).not.toContain('urn:narthex:signals');
    // After the header of the stream, before anything of hers.
    const at = scene.received.findIndex((xml) => xml.includes('connection-signals'));
    expect(scene.received[at - 1]).toContain('<stream:stream');
    expect(scene.received[at + 1]).toContain('<auth');
    expect(scene.outcomes).toEqual(['stream sent']);
    expect(scene.captures).toEqual(['client_ip edge', 'tcp edge', 'tls edge', 'round_trip edge']);
  });

  it.each([
    ['direct', 'standard'],
    ['starttls', 'standard'],
    ['direct', 'full'],
  ] as const)('in a PROXY header, gatekeeper over %s, profile %s', async (gatekeeperTls, profile) => {
    await start({ carriers: { proxyProtocol: { profile } }, required: true, gatekeeperTls });
    await scene.logIn();
    expect(scene.attestations).toMatchObject([{ carrier: 'proxy-protocol' }]);
    expect(accepted(scene).cnf).toHaveProperty('x5t#S256');
    const { header } = scene.headers[0]!;
    expect(header.source).toMatchObject({ address: '127.0.0.1' });
    expect(header.destination).toEqual({ address: '127.0.0.1', port: scene.proxy.direct });
    expect(header.fields.checked).toBe(true);
    expect(header.fields.authority).toBe(profile === 'full' ? 'localhost' : undefined);
    expect(scene.outcomes).toEqual(['proxy-protocol sent']);
  });

  it('in a PROXY header, in a field of the type that both sides agreed on', async () => {
    const attestationType = 0xe7;
    await start({
      carriers: { proxyProtocol: { attestationType } },
      required: true,
      receives: { attestationType },
    });
    await scene.logIn();
    expect(accepted(scene).cnf).toHaveProperty('x5t#S256');
    expect([...scene.headers[0]!.header.fields.others.keys()]).toEqual([attestationType]);
  });

  it('in no field that another type was agreed for', async () => {
    await start({
      carriers: { stream: {}, proxyProtocol: { attestationType: 0xe7 } },
      required: true,
    });
    await scene.logIn();
    expect(scene.attestations.map(({ carrier }) => carrier)).toEqual(['stream']);
  });

  it('both ways at once', async () => {
    await start({ carriers: { stream: {}, proxyProtocol: {} }, required: true });
    await scene.logIn();
    expect(scene.attestations.map(({ carrier }) => carrier)).toEqual(['proxy-protocol', 'stream']);
  });
});

describe('the policy for signals', () => {
  const policy = (rules: string): string => `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours, owner: security@third.example }
spec:
  extends: passthrough
  audiences:
    gatekeeper:
${rules.replaceAll(/^/gm, '      ')}
`;
  const leniency = `apiVersion: narthex/v1
kind: Obligations
metadata: { name: lenient, source: nowhere }
rules:
  - { id: L-1, text: ask for nothing, kept-by: asking for nothing }
`;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'narthex-signal-policy-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function under(rules: string, carriers: Record<string, unknown>): Promise<Attested> {
    const file = join(folder, 'policy.yaml');
    await writeFile(file, policy(rules));
    // Of a gatekeeper that asks for nothing: the shipped ones insist on the whole address.
    const obligations = join(folder, 'obligations.yaml');
    await writeFile(obligations, leniency);
    return start({ carriers, proxy: { policy: file, obligations } });
  }

  it('decides what is attested, and is counted', async () => {
    await under(
      'conn.client-ip: { coarsen: { ipv4: 24, ipv6: 48 } }\nconn.tcp-fingerprint: drop\nconn.round-trip: { coarsen: 50ms }',
      { stream: {} },
    );
    await scene.logIn();
    const { signals, policy: digest } = accepted(scene);
    expect(signals).toEqual({
      client_ip: { address: '127.0.0.0', prefix: 24, observed_by: 'edge', necessity: 'obligation' },
      tls: expect.objectContaining({ observed_by: 'edge' }),
      round_trip: expect.objectContaining({ tcp_ms: 0 }),
    });
    expect(digest).toMatch(/^[\w-]{43}$/);
    const counted = scene.proxy.decisions
      .totals()
      .filter(({ field }) => field.startsWith('conn.'))
      .map(({ field, treatment, mode, count }) => `${mode} ${field} ${treatment} ${count}`);
    expect(counted).toEqual([
      'enforced conn.client-ip coarsen 1',
      'enforced conn.tcp-fingerprint drop 1',
      'enforced conn.tls-fingerprint keep 1',
      'enforced conn.round-trip coarsen 1',
      'enforced conn.client-port keep 1',
    ]);
  });

  it('holds for the addresses of a PROXY header, too', async () => {
    await under('conn.client-ip: { coarsen: { ipv4: 8, ipv6: 48 } }\nconn.client-port: drop', {
      proxyProtocol: {},
    });
    await scene.logIn();
    expect(scene.headers[0]!.header.source).toEqual({ address: '127.0.0.0', port: 0 });
    await scene.close();
    await under('conn.client-ip: drop', { proxyProtocol: {} });
    await scene.logIn();
    expect(scene.headers[0]!.header).toMatchObject({ command: 'proxy', source: undefined });
    expect(accepted(scene).signals).not.toHaveProperty('client_ip');
  });

  it('and is another policy to the gatekeeper once it has changed', async () => {
    const file = join(folder, 'changing.yaml');
    await writeFile(file, policy('conn.tls-fingerprint: keep'));
    await start({ carriers: { stream: {} }, proxy: { policy: file } });
    await scene.logIn();
    const before = accepted(scene);
    await writeFile(file, policy('conn.tls-fingerprint: drop'));
    await eventually(() => scene.proxy.policy.length === 2);
    await scene.logIn();
    expect(before.signals).toHaveProperty('tls');
    expect(accepted(scene).signals).not.toHaveProperty('tls');
    expect(accepted(scene).policy).not.toBe(before.policy);
  });
});

describe('an attestation that cannot be made', () => {
  /** How the session ended for her, and as the proxy counts it. */
  async function refusal(): Promise<{ heard: string; closed: unknown }> {
    const heard: string[] = [];
    await expect(
      scene.logIn('direct', { onXml: (direction, xml) => heard.push(`${direction} ${xml}`) }),
    ).rejects.toThrow();
    await eventually(() => scene.proxy.closed.length === 1);
    return { heard: heard.join('\n'), closed: scene.proxy.closed[0] };
  }

  it('ends the session when the gatekeeper does not request it; both receive an error', async () => {
    await start({ carriers: { stream: {} }, required: true, receives: false });
    const { heard, closed } = await refusal();
    expect(closed).toBe('ERR_SIGNALS_NOT_OFFERED');
    expect(heard).toContain('<remote-connection-failed');
    expect(heard).toContain('cannot be given');
    expect(scene.received.join('')).toContain('<policy-violation');
    expect(scene.outcomes).toEqual(['stream not-offered']);
  });

  it('ends the session when the gatekeeper has TLS 1.2 only', async () => {
    const authority = createDevelopmentAuthority();
    const { certificate, key } = authority.issue(['localhost']);
    let received = '';
    const gatekeeper = createServer(
      { cert: certificate, key, maxVersion: 'TLSv1.2', ALPNProtocols: ['xmpp-client'] },
      (socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
        socket.write(
          "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
            "from='localhost' id='1' version='1.0'><stream:features><connection-signals xmlns='urn:narthex:signals:0'/>" +
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism></mechanisms>" +
            '</stream:features>',
        );
      },
    ).listen(0, '127.0.0.1');
    await once(gatekeeper, 'listening');
    const { port } = gatekeeper.address() as AddressInfo;
    await start({
      carriers: { stream: {} },
      required: true,
      proxy: { gatekeeper: { port, tls: 'direct' }, ca: authority.certificate },
    });
    expect((await refusal()).closed).toBe('ERR_SIGNALS_TLS_VERSION');
    await eventually(() => received.includes('<policy-violation'));
    expect(received).not.toContain('connection-signals');
    gatekeeper.close();
  });

  it('ends the session when no key may sign yet', async () => {
    await start({ carriers: { stream: {} }, required: true, signingKey: 'autumn@20991001T000000Z' });
    expect((await refusal()).closed).toBe('ERR_SIGNALS_NO_KEY');
  });

  it.each([
    ['is too large', { headerBytesMax: 200 }, true, 'ERR_SIGNALS_TOO_LARGE'],
    ['has nothing to be bound to', {}, false, 'ERR_SIGNALS_CERTIFICATE'],
  ])(
    'ends the session before the gatekeeper receives it when the header %s',
    async (_, more, mutualTls, code) => {
      await start({ carriers: { proxyProtocol: more }, required: true, mutualTls });
      const { heard, closed } = await refusal();
      expect(closed).toBe(code);
      expect(heard).toContain('<remote-connection-failed');
      expect(scene.headers).toEqual([]);
    },
  );

  it.each([
    ['not requested', { stream: {} }, true, 'stream not-offered'],
    ['too large', { proxyProtocol: { headerBytesMax: 200 } }, true, 'proxy-protocol too-large'],
    ['not to be bound', { proxyProtocol: {} }, false, 'proxy-protocol no-certificate'],
  ])('is left out where it is not required: %s', async (_, carriers, mutualTls, outcome) => {
    await start({ carriers, receives: false, mutualTls });
    const juliet = await scene.logIn();
    expect(juliet.jid).toContain('juliet@localhost');
    expect(scene.outcomes).toEqual([outcome]);
    // The gatekeeper that expects a header gets one, with the addresses.
    if ('proxyProtocol' in carriers)
      expect(scene.headers).toMatchObject([{ header: { source: { address: '127.0.0.1' } } }]);
  });
});

describe('the place of the attestation in the stream', () => {
  const header = streamHeader('localhost');
  const nonza = "<connection-signals xmlns='urn:narthex:signals:0'>e30.e30.e30</connection-signals>";

  it('precedes the bytes of a client that does not wait', async () => {
    await start({ carriers: { stream: {} }, required: true });
    const raw = await openRaw(scene.endpoint);
    raw.write(header + auth);
    await raw.until(/<success/);
    const order = scene.received.map((xml) => /<(?:stream:stream|connection-signals|auth)/.exec(xml)?.[0]);
    expect(order).toEqual(['<stream:stream', '<connection-signals', '<auth']);
    raw.destroy();
  });

  it.each([
    ['before authentication', nonza],
    ['after', `${auth}${nonza}`],
  ])('is the proxy’s alone: a client that sends one %s is refused', async (_, text) => {
    await start({ carriers: { stream: {} }, required: true });
    const raw = await openRaw(scene.endpoint);
    raw.write(header);
    await raw.until(/<\/stream:features>/);
    for (const part of text.split(/(?<=<\/auth>)/)) {
      raw.write(part);
      if (part === auth) {
        await raw.until(/<success/);
        raw.write(header);
        await raw.until(/<bind /);
      }
    }
    expect(await raw.closed()).toContain('<policy-violation');
    await eventually(() => scene.proxy.closed.length > 0);
    expect(scene.proxy.closed).toEqual(['ERR_NEGOTIATION']);
    // The gatekeeper may still be verifying when the client is gone.
    await eventually(() => scene.attestations.length > 0);
    expect(scene.attestations).toHaveLength(1);
  });
});

describe('signing keys that change under load', () => {
  it('lose no session and no verification', async () => {
    await start({ carriers: { stream: {} }, required: true });
    const first = await scene.logIn();
    const load = new AbortController();
    let logins = 1;
    const failures: unknown[] = [];
    const loads = Array.from({ length: 3 }, async () => {
      while (!load.signal.aborted && logins < 500) {
        logins += 1;
        await scene.logIn().then(
          (client) => client.destroy(),
          (error: unknown) => failures.push(error),
        );
      }
    });
    const kids = (): Set<string> =>
      new Set(
        scene.attestations.map(({ verification }) =>
          verification.kind === 'accepted' ? verification.kid : verification.code,
        ),
      );
    const begins = new Date(Date.now() + 2_000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    await scene.keys.add(`summer@${begins}`);
    await eventually(() => kids().has('summer'));
    await scene.keys.remove('spring');
    await eventually(() => scene.reports.length === 2);
    // A broken folder changes nothing.
    await writeFile(join(scene.keys.folder, 'winter.pem'), 'no key');
    await eventually(() => scene.reports.length === 3);
    load.abort();
    await Promise.all(loads);
    expect(scene.reports).toEqual(['reloaded', 'reloaded', 'rejected']);
    expect(failures).toEqual([]);
    expect([...kids()]).toEqual(['spring', 'summer']);
    expect(scene.attestations).toHaveLength(logins);
    expect(scene.proxy.closed.filter((reason) => reason !== 'client-closed')).toEqual([]);
    // The one that began under the old key still talks.
    first.send(element(ns.client, 'iq', { type: 'get', id: 'p' }, element(ns.ping, 'ping')));
    await first.receive(({ attributes }) => attributes.some(({ value }) => value === 'p'));
  });
});

describe('a load balancer in front', () => {
  it('is used when it is trusted, and its values are marked', async () => {
    await start({
      carriers: { stream: {} },
      required: true,
      proxy: { listener: { proxyProtocol: { trusted: ['127.0.0.0/8'] } } },
    });
    const reported = (type: number, text: string): Buffer =>
      Buffer.concat([Buffer.of(type, 0, text.length), Buffer.from(text)]);
    const balancer = async (fields: Buffer): Promise<void> => {
      const addresses = Buffer.from('c000024dc63364029c401466', 'hex');
      const length = Buffer.of(0, addresses.length + fields.length);
      const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n\u0021\u0011', 'latin1');
      const raw = await openRaw(scene.endpoint, Buffer.concat([signature, length, addresses, fields]));
      raw.write(streamHeader('localhost') + auth);
      await raw.until(/<success/);
      raw.destroy();
    };
    await balancer(Buffer.alloc(0));
    expect(accepted(scene).signals).toMatchObject({
      client_ip: { address: '192.0.2.77', observed_by: 'balancer' },
      tcp: { absent: 'behind-lb' },
      // TLS passes through it: the ClientHello is the client's.
      tls: { observed_by: 'edge' },
      round_trip: { absent: 'behind-lb' },
    });
    // PP2_TYPE_SSL: it took TLS from the client itself.
    const ssl = Buffer.from('2000050100000000', 'hex');
    const p0f = '4:60+4:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0';
    const ja4 = 't13d1516h2_8daaf6152771_e5627efa2ab1';
    await balancer(Buffer.concat([ssl, reported(0xe2, ja4), reported(0xe3, p0f)]));
    expect(accepted(scene).signals).toMatchObject({
      tcp: { p0f, observed_by: 'balancer' },
      tls: { ja4, observed_by: 'balancer' },
    });
    await balancer(ssl);
    expect(accepted(scene).signals).toMatchObject({ tls: { absent: 'behind-lb' } });
  });
});
