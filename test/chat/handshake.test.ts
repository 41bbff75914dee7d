import { describe, expect, it } from 'vitest';
import { ChatError } from '../../src/chat/error.ts';
import { NoiseError } from '../../src/noise/error.ts';
import { newSigningKey, type ChainOverrides } from '../../src/simulator/chat/authority.ts';
import { newServerKey } from '../../src/simulator/chat/noise.ts';
import { unpackFields } from '../../src/simulator/chat/fields.ts';
import { newParties, now, play, samplePayload } from './chat-pair.ts';

/** The code of what `run` throws, `server` for an error of the simulator's, `none` for nothing. */
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof ChatError || error instanceof NoiseError ? error.code : 'server';
  }
  return 'none';
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

const seconds = Math.floor(now / 1000);

describe('the handshake with the simulator', () => {
  it('gives the server the static key, the ephemeral key and the payload, and both the same keys', () => {
    const parties = newParties();
    const { client, encryption, transport } = play(parties);
    expect(client.staticKey).toEqual(parties.staticKey.publicKey);
    expect(client.ephemeralKey).toEqual(parties.ephemeralKey.publicKey);
    const interopData = unpackFields(unpackFields(client.payload).get(38) as Uint8Array);
    expect(Buffer.from(interopData.get(2) as Uint8Array)).toEqual(samplePayload.token);
    for (const text of ['one', 'two']) {
      const { ciphertext, tag } = transport.sending.seal(Buffer.from(text));
      expect(encryption.open(Buffer.concat([ciphertext, tag])).toString()).toBe(text);
      expect(transport.receiving.open(encryption.seal(Buffer.from(text))).toString()).toBe(text);
    }
  });

  it('refuses every changed byte of every message, at one end or the other', () => {
    const codes = new Map<string, number>();
    for (const index of [0, 1, 2]) {
      for (let at = 0, length = 1; at < length; at += 1) {
        const code = codeOf(() =>
          play(newParties(), undefined, (message, number) => {
            if (number !== index) return message;
            length = message.length;
            return flipped(message, at);
          }),
        );
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    }
    expect(codes.has('none')).toBe(false);
    expect([...codes.keys()].sort()).toEqual([
      'ERR_CHAT_HANDSHAKE_MESSAGE',
      'ERR_NOISE_AUTHENTICATION',
      'server',
    ]);
    expect([...codes.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(500);
  });

  it('sends nothing of the client to a server without a good chain', () => {
    const { client, server, serverKey } = newParties();
    const hello = server.hello(client.start().subarray(7), Buffer.alloc(0));
    expect(codeOf(() => client.finish(hello))).toBe('ERR_CHAT_CERTIFICATE_FORMAT');
    expect(() => client.finish(hello)).toThrow('not due');
    expect(serverKey.publicKey).toHaveLength(32);
  });

  it.each<[string, ChainOverrides, string]>([
    [
      'a root that is not the configured one',
      { intermediateSigner: newSigningKey() },
      'ERR_CHAT_CERTIFICATE_ROOT',
    ],
    ['a leaf signed by another key', { leafSigner: newSigningKey() }, 'ERR_CHAT_CERTIFICATE_LEAF'],
    ["a leaf for another server's key", { leafKey: newServerKey().publicKey }, 'ERR_CHAT_CERTIFICATE_KEY'],
    ['certificates that have expired', { notAfter: seconds - 1 }, 'ERR_CHAT_CERTIFICATE_EXPIRED'],
    ['certificates that do not hold yet', { notBefore: seconds + 1 }, 'ERR_CHAT_CERTIFICATE_NOT_YET'],
    ['an intermediate of another issuer', { intermediateIssuer: 1 }, 'ERR_CHAT_CERTIFICATE_ISSUER'],
    ["a leaf of another serial's issuer", { leafIssuer: 4712 }, 'ERR_CHAT_CERTIFICATE_SERIAL'],
    ['a chain without a leaf', { leave: 'leaf' }, 'ERR_CHAT_CERTIFICATE_FORMAT'],
    ['a chain without an intermediate', { leave: 'intermediate' }, 'ERR_CHAT_CERTIFICATE_FORMAT'],
    ['a leaf key of another length', { leafKey: Buffer.alloc(31) }, 'ERR_CHAT_CERTIFICATE_FORMAT'],
  ])('refuses %s', (_, overrides, code) => {
    const parties = newParties();
    const chain = parties.authority.chain(parties.serverKey.publicKey, now, overrides);
    expect(codeOf(() => play(parties, chain))).toBe(code);
  });

  it('accepts certificates on the last and the first second of their validity', () => {
    for (const overrides of [{ notAfter: seconds }, { notBefore: seconds }]) {
      const parties = newParties();
      const chain = parties.authority.chain(parties.serverKey.publicKey, now, overrides);
      expect(codeOf(() => play(parties, chain))).toBe('none');
    }
  });

  it('refuses every changed byte of the chain', () => {
    for (let at = 0, length = 1; at < length; at += 7) {
      const parties = newParties();
      const chain = parties.authority.chain(parties.serverKey.publicKey, now);
      length = chain.length;
      expect(codeOf(() => play(parties, flipped(chain, at)))).toMatch(/^ERR_CHAT_CERTIFICATE_/);
    }
  });
});
