import { afterEach, describe, expect, it } from 'vitest';
import { accepted, startAttested, type Attested, type AttestedOptions } from '../support/attested.ts';

let scene: Attested;
const start = async (options: AttestedOptions): Promise<Attested> => (scene = await startAttested(options));
afterEach(() => scene.close());

const p0f = /^4:64\+0:0:\d+:.*:mss,.*:.*:0$/;
const ja4 = /^t13[di]\d{4}/;

describe('Juliet logs in through the proxy, and the gatekeeper is told of her connection', () => {
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
    // Behind the header of the stream, before anything of hers.
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

  it('both ways at once', async () => {
    await start({ carriers: { stream: {}, proxyProtocol: {} }, required: true });
    await scene.logIn();
    expect(scene.attestations.map(({ carrier }) => carrier)).toEqual(['proxy-protocol', 'stream']);
  });
});
