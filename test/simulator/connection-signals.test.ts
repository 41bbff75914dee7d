import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attest, type AttestationInput, type AttestationBinding } from '../../src/signals/attestation.ts';
import { parseJwks, staticKeys } from '../../src/signals/jwks.ts';
import { SigningKeys } from '../../src/signals/keys.ts';
import { signalsNonza } from '../../src/signals/nonza.ts';
import { packAttestation } from '../../src/signals/packed-attestation.ts';
import { proxyHeader } from '../../src/signals/proxy-protocol-header.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import type {
  AttestationRecord,
  GatekeeperOptions,
  ProxyHeaderRecord,
} from '../../src/simulator/server/options.ts';
import { seededPem } from '../signals/key-pair.ts';
import { domain, startGatekeeper } from './support/gatekeeper.ts';
import { streamHeader } from './support/raw.ts';

const keys = await SigningKeys.parse([{ name: 'spring.pem', pem: seededPem(1) }]);
const strangers = await SigningKeys.parse([{ name: 'stranger.pem', pem: seededPem(2) }]);
const issuer = 'proxy.example';
const plain = (user: string): string =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from(`\0${user}\0balcony`).toString('base64')}</auth>`;

const attestations: AttestationRecord[] = [];
const headers: ProxyHeaderRecord[] = [];
const proxyAuthority = createDevelopmentAuthority();
const shown = proxyAuthority.issue(['proxy.example']);

const receiving: Partial<GatekeeperOptions> = {
  connectionSignals: { keys: staticKeys(parseJwks(keys.jwks())!), issuer, required: true },
  clientAuthorities: proxyAuthority.certificate,
  onAttestation: (record) => attestations.push(record),
  onProxyHeader: (record) => headers.push(record),
  listeners: [
    { tls: 'starttls', host: '127.0.0.1', port: 0 },
    { tls: 'direct', host: '127.0.0.1', port: 0, proxyProtocol: true },
  ],
};

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
let plainGatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
beforeAll(async () => {
  gatekeeper = await startGatekeeper(receiving);
  const { listeners: _, ...others } = receiving;
  plainGatekeeper = await startGatekeeper(others);
});
afterAll(async () => {
  await gatekeeper.close();
  await plainGatekeeper.close();
});
beforeEach(() => {
  attestations.length = 0;
  headers.length = 0;
});

interface Peer {
  readonly socket: TLSSocket;
  readonly exporter: AttestationBinding;
  send(xml: string): void;
  until(pattern: RegExp): Promise<string>;
}

/** A TLS connection as an intermediary makes it, features read. */
async function arrive(options: ConnectionOptions = {}): Promise<Peer> {
  const { port, ca } = plainGatekeeper.endpoints.direct;
  const socket = connect({ port, host: '127.0.0.1', ca, servername: domain, ...options });
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => {});
  const peer: Peer = {
    socket,
    exporter: {
      kind: 'tls-exporter',
      value: socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)),
    },
    send: (xml) => void socket.write(xml),
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`closed after: ${text}`);
        await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      }
      return text;
    },
  };
  peer.send(streamHeader(domain));
  await peer.until(/<\/stream:features>/);
  return peer;
}

interface Making {
  readonly input?: Partial<AttestationInput>;
  readonly signer?: SigningKeys;
  /** Seconds from now. */
  readonly at?: number;
}

function made(binding: AttestationBinding, { input = {}, signer = keys, at = 0 }: Making = {}): string {
  return attest(
    {
      issuer,
      audience: domain,
      binding,
      policyDigest: 'digest',
      signals: { client_ip: { address: '192.0.2.77', observed_by: 'edge', necessity: 'obligation' } },
      ...input,
    },
    { keys: signer, clock: () => Date.now() + at * 1000 },
  );
}

/** Header and payload replaced, signed or not. */
function forged(jws: string, header: object, sign: (content: string) => string): string {
  const content = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${jws.split('.')[1]}`;
  return `${content}.${sign(content)}`;
}

function tampered(jws: string): string {
  const [header, payload, signature] = jws.split('.');
  const claims = Buffer.from(payload!, 'base64url').toString().replace('192.0.2.77', '192.0.2.78');
  return [header, Buffer.from(claims).toString('base64url'), signature].join('.');
}

const refusedWith = (): string[] =>
  attestations.flatMap(({ verification }) => (verification.kind === 'refused' ? [verification.code] : []));

describe('an intermediary sends an attestation', () => {
  it('the gatekeeper requests it, verifies it, and lets the client authenticate', async () => {
    const peer = await arrive();
    expect(await peer.until(/features>/)).toContain("<connection-signals xmlns='urn:narthex:signals:0'/>");
    // The client's authentication may follow at once: it waits for the outcome.
    peer.send(signalsNonza(made(peer.exporter)) + plain('juliet'));
    await peer.until(/<success/);
    expect(attestations).toMatchObject([
      {
        carrier: 'stream',
        verification: {
          kind: 'accepted',
          claims: { signals: { client_ip: { address: '192.0.2.77' } } },
          bindingChecked: true,
        },
      },
    ]);
    peer.socket.destroy();
  });

  it('also after STARTTLS', async () => {
    const { port, ca } = plainGatekeeper.endpoints.starttls;
    const tcp = connectTcp(port, '127.0.0.1');
    tcp.write(`${streamHeader(domain)}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`);
    let text = '';
    while (!text.includes('<proceed')) text += ((await once(tcp, 'data')) as [Buffer])[0].toString();
    expect(text).not.toContain('connection-signals');
    const peer = await arrive({ socket: tcp, ca, servername: domain });
    peer.send(signalsNonza(made(peer.exporter)) + plain('juliet'));
    await peer.until(/<success/);
    peer.socket.destroy();
  });

  it('no client authenticates without one', async () => {
    const peer = await arrive();
    peer.send(plain('juliet'));
    expect(await peer.until(/<\/stream:stream>/)).toContain('<not-authorized');
    expect(refusedWith()).toEqual(['ERR_ATTESTATION_MISSING']);
  });

  it('not with one that was used on another connection', async () => {
    const first = await arrive();
    const jws = made(first.exporter);
    first.send(signalsNonza(jws) + plain('juliet'));
    await first.until(/<success/);
    const second = await arrive();
    second.send(signalsNonza(jws) + plain('juliet'));
    expect(await second.until(/<\/stream:stream>/)).not.toContain('<success');
    expect(refusedWith()).toEqual(['ERR_ATTESTATION_BINDING']);
    first.socket.destroy();
  });

  it('not with the same one twice on the same connection', async () => {
    const peer = await arrive();
    const nonza = signalsNonza(made(peer.exporter));
    peer.send(nonza + nonza + plain('juliet'));
    expect(await peer.until(/<\/stream:stream>/)).not.toContain('<success');
    expect(refusedWith()).toEqual(['ERR_ATTESTATION_REPLAY']);
  });

  it.each<[string, string, (peer: Peer) => string]>([
    [
      'for another gatekeeper',
      'ERR_ATTESTATION_AUDIENCE',
      (peer) => made(peer.exporter, { input: { audience: 'montague.example' } }),
    ],
    [
      'of another intermediary',
      'ERR_ATTESTATION_ISSUER',
      (peer) => made(peer.exporter, { input: { issuer: 'other.example' } }),
    ],
    ['that has expired', 'ERR_ATTESTATION_EXPIRED', (peer) => made(peer.exporter, { at: -120 })],
    ['that is not yet valid', 'ERR_ATTESTATION_NOT_YET_VALID', (peer) => made(peer.exporter, { at: 120 })],
    ['with a tampered claim', 'ERR_ATTESTATION_SIGNATURE', (peer) => tampered(made(peer.exporter))],
    [
      'with alg none',
      'ERR_ATTESTATION_ALGORITHM',
      (peer) =>
        forged(made(peer.exporter), { alg: 'none', typ: 'connection-signals+jwt', kid: 'spring' }, () => ''),
    ],
    [
      'with HS256 and the public key as the secret',
      'ERR_ATTESTATION_ALGORITHM',
      (peer) =>
        forged(
          made(peer.exporter),
          { alg: 'HS256', typ: 'connection-signals+jwt', kid: 'spring' },
          (content) =>
            createHmac('sha256', Buffer.from(keys.jwks().keys[0]!.x!, 'base64url'))
              .update(content)
              .digest('base64url'),
        ),
    ],
    [
      'of an unknown key',
      'ERR_ATTESTATION_UNKNOWN_KEY',
      (peer) => made(peer.exporter, { signer: strangers }),
    ],
    ['that is none', 'ERR_ATTESTATION_MALFORMED', () => 'e30'],
  ])('not with one %s', async (_, code, make) => {
    const peer = await arrive();
    peer.send(signalsNonza(make(peer)) + plain('juliet'));
    const text = await peer.until(/<\/stream:stream>/);
    expect(text).toContain('<not-authorized');
    expect(text).not.toContain('<success');
    expect(refusedWith()).toEqual([code]);
  });
});

describe('an attestation in a PROXY header', () => {
  const certificate = shown.certificate;
  const sha256 = createHash('sha256').update(new X509Certificate(certificate).raw).digest();

  async function arriveProxied(binding: Uint8Array, presented: object): Promise<Peer | string> {
    const packed = packAttestation(made({ kind: 'certificate', sha256: binding }))!;
    const answer = proxyHeader({
      source: { address: '192.0.2.77', port: 40_000 },
      destination: { address: '198.51.100.2', port: 5223 },
      profile: 'standard',
      attestation: packed,
    });
    if (answer.kind !== 'header') throw new Error(answer.kind);
    const { port, ca } = gatekeeper.endpoints.direct;
    const tcp = connectTcp(port, '127.0.0.1');
    tcp.write(answer.header);
    return arrive({ socket: tcp, ca, servername: domain, ...presented }).catch(String);
  }

  it('is bound to the certificate that the intermediary shows', async () => {
    const peer = await arriveProxied(sha256, { cert: certificate, key: shown.key });
    if (typeof peer === 'string') throw new Error(peer);
    peer.send(plain('juliet'));
    await peer.until(/<success/);
    expect(headers).toMatchObject([{ header: { source: { address: '192.0.2.77', port: 40_000 } } }]);
    expect(attestations).toMatchObject([
      { carrier: 'proxy-protocol', verification: { kind: 'accepted', bindingChecked: true } },
    ]);
    peer.socket.destroy();
  });

  it.each([
    ['shows none', {}],
    ['shows one of an unknown authority', createDevelopmentAuthority().issue(['proxy.example'])],
  ])('is refused from a peer that %s', async (_, pair: { certificate?: string; key?: string }) => {
    const presented = pair.certificate === undefined ? {} : { cert: pair.certificate, key: pair.key };
    expect(await arriveProxied(sha256, presented)).toContain('not-authorized');
    expect(refusedWith()).toEqual(['ERR_ATTESTATION_BINDING']);
  });

  it('is required where it is expected', async () => {
    const { port, ca } = gatekeeper.endpoints.direct;
    const socket = connect({ port, host: '127.0.0.1', ca, servername: domain });
    await expect(once(socket, 'secureConnect')).rejects.toThrow();
    expect(headers).toEqual([]);
  });
});
