import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHelloReader } from '../../src/signals/client-hello-reader.ts';
import { parseClientHello, type ClientHello } from '../../src/signals/client-hello.ts';
import { ja4, ja4Raw, unstableExtensions } from '../../src/signals/ja4.ts';
import {
  alpn,
  ascii,
  handshake,
  serverName,
  signatureAlgorithms,
  supportedVersions,
  type HelloParts,
} from './hello.ts';

/** Captured on the loopback from the clients named. The fingerprints next to them were computed by a second
 *  implementation, in another language, at the time of capture. */
const vectors = JSON.parse(readFileSync(new URL('vectors/client-hello.json', import.meta.url), 'utf8')) as {
  client: string;
  hello: string;
  ja4: string;
  ja4_r: string;
  ja4_stable_2: string;
}[];

function read(parts: HelloParts): ClientHello {
  const answer = parseClientHello(handshake(parts));
  if (answer.kind !== 'hello') throw new Error(answer.kind);
  return answer.hello;
}

/** The first part of the fingerprint: what can be read in it. */
const summary = (parts: HelloParts): string => ja4(read(parts)).ja4.split('_')[0]!;

/** The example of the published description. */
const published = {
  ciphers: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
    0x002f, 0x0035,
  ],
  extensions: [0x1b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 5, 0x23, 0x12, 0x2b, 0xff01, 0x0a, 0x0b, 0x15],
  algorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
};

function example(grease = false): ClientHello {
  return {
    legacyVersion: 0x0303,
    cipherSuites: [...(grease ? [0x1a1a] : []), ...published.ciphers],
    extensions: [...(grease ? [0x2a2a] : []), ...published.extensions, ...(grease ? [0xfafa] : [])],
    serverName: 'xmpp.example',
    alpn: ['h2', 'http/1.1'],
    signatureAlgorithms: [...(grease ? [0x3a3a] : []), ...published.algorithms],
    supportedVersions: [...(grease ? [0x9a9a] : []), 0x0304, 0x0303],
  };
}

describe('JA4', () => {
  it.each(vectors)('of $client', ({ hello, ja4: plain, ja4_r: raw, ja4_stable_2: stable }) => {
    const progress = new ClientHelloReader().push(Buffer.from(hello, 'hex'));
    const forms = progress.kind === 'hello' && { ...ja4(progress.hello), raw: ja4Raw(progress.hello) };
    expect(forms).toEqual({ ja4: plain, raw, stable });
  });

  it.each([false, true])('of the published example (GREASE added: %s)', (grease) => {
    expect(ja4(example(grease)).ja4).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1');
    expect(ja4Raw(example(grease))).toBe(
      't13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_0403,0804,0401,0503,0805,0501,0806,0601',
    );
  });

  it('of the published example without signature algorithms ends without an underscore', () => {
    expect(ja4({ ...example(), signatureAlgorithms: [] }).ja4).toMatch(/_6d807ffa2a79$/);
  });

  it('does not depend on the order of ciphers and extensions', () => {
    const shuffled = fc.tuple(
      fc.shuffledSubarray(published.ciphers, { minLength: 15 }),
      fc.shuffledSubarray(published.extensions, { minLength: 16 }),
    );
    fc.assert(
      fc.property(shuffled, ([cipherSuites, extensions]) => {
        expect(ja4({ ...example(), cipherSuites, extensions })).toEqual(ja4(example()));
      }),
    );
  });

  it('but on the order of signature algorithms', () => {
    const reversed = ja4({ ...example(), signatureAlgorithms: published.algorithms.toReversed() });
    expect(reversed.ja4).not.toBe(ja4(example()).ja4);
  });

  it.each<[string, number[][]]>([
    // Where the published description and the published tools disagree, databases hold what the tools print.
    ['99', [[0xab]]],
    ['99', [[0xab, 0xcd]]],
    ['99', [[0xba, 0x30, 0xad]]],
    ['3b', [[0x30, 0xab]]],
    ['3d', [[0x30, 0x31, 0xab, 0xcd]]],
    ['01', [[0x30, 0xab, 0xcd, 0x31]]],
    ['h2', [ascii('h2'), ascii('http/1.1')]],
    ['xt', [ascii('xmpp-client')]],
    ['hh', [ascii('h')]],
    ['00', [[]]],
    ['00', []],
    ['2d', [ascii('-x-')]],
  ])('writes the first protocol as %s', (expected, names) => {
    expect(summary({ extensions: [alpn(...names)] })).toBe(`t12i0101${expected}`);
  });

  it.each([
    [0x0304, '13'],
    [0x0303, '12'],
    [0x0302, '11'],
    [0x0301, '10'],
    [0x0300, 's3'],
    [0x0002, 's2'],
    [0xfefd, 'd2'],
    [0x0305, '00'],
  ])('names version %i %s', (version, name) => {
    expect(summary({ version, extensions: undefined })).toBe(`t${name}i010000`);
    expect(summary({ extensions: [supportedVersions(0xfafa, version)] })).toBe(`t${name}i010100`);
  });

  it('uses the highest version offered', () => {
    expect(summary({ extensions: [supportedVersions(0x0301, 0x0304, 0x0303)] })).toBe('t13i010100');
    expect(summary({ extensions: [supportedVersions()] })).toBe('t00i010100');
  });

  it('counts to 99', () => {
    const many = Array.from({ length: 120 }, (_, index) => 0x100 + index);
    const extensions = many.map((type) => [type + 0x1000, []] as const);
    expect(summary({ ciphers: many, extensions })).toBe('t12i999900');
  });

  it('writes zeros for missing parts', () => {
    const nothing = read({ ciphers: [], extensions: [serverName('xmpp.example')] });
    expect(ja4(nothing)).toEqual({
      ja4: 't12d000100_000000000000_000000000000',
      stable: 't12d000100_000000000000_000000000000',
    });
    expect(ja4Raw(nothing)).toBe('t12d000100__');
  });

  it('has a stable form that resumption does not change', () => {
    const first = vectors.find(({ client }) => client.endsWith('first'))!;
    const resuming = vectors.find(({ client }) => client.endsWith('resuming'))!;
    expect(resuming.ja4).not.toBe(first.ja4);
    expect(resuming.ja4_stable_2).toBe(first.ja4_stable_2);
    const extensions = [signatureAlgorithms(0x0403), supportedVersions(0x0304)];
    const more = [...extensions, [21, [0, 0]], [35, []], [42, []], [41, [1, 2]]] as const;
    expect(ja4(read({ extensions: more })).stable).toBe(ja4(read({ extensions })).ja4);
  });

  it.each(unstableExtensions)(
    'has a stable form that extension %i does not change, nor another order',
    (type) => {
      const extensions = [signatureAlgorithms(0x0403), supportedVersions(0x0304)];
      const { ja4: without, stable } = ja4(read({ extensions }));
      const first = ja4(read({ extensions: [[type, []], ...extensions] }));
      expect(first.ja4).not.toBe(without);
      expect(first.stable).toBe(stable);
      expect(ja4(read({ extensions: [...extensions, [type, [0, 0]]] })).stable).toBe(stable);
    },
  );

  it('has always this shape', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(0xffff), { maxLength: 130 }),
        fc.uniqueArray(fc.nat(0xffff), { maxLength: 130 }),
        fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 2 }),
        (cipherSuites, extensions, names) => {
          const protocols = names.map((name) => Buffer.from(name).toString('latin1'));
          const { ja4: plain, stable } = ja4({ ...example(), cipherSuites, extensions, alpn: protocols });
          for (const form of [plain, stable])
            expect(form).toMatch(/^t13[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/);
        },
      ),
    );
  });
});
