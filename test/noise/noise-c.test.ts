import { randomBytes } from 'node:crypto';
import type { Noise } from 'noise-c.wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { aesGcm } from '../../src/noise/cipher.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { ik, xxFallback } from '../../src/noise/pattern.ts';
import { generateKeyPair } from '../../src/noise/x25519.ts';
import { longRun } from '../long/noise-handshakes.ts';
import { cases, expectTransport, handshake, loadNoise } from './noise-c.ts';

let noise: Noise;

beforeAll(async () => {
  noise = await loadNoise();
});

describe('handshakes with noise-c', () => {
  it.each(cases.map((each) => ({ name: `${each.pattern.name} ${each.cipher.name} as ${each.role}`, each })))(
    '$name',
    ({ each }) => {
      for (let run = 0; run < 5; run += 1) handshake(noise, each);
    },
  );

  it('as initiator of XX with AESGCM, many (npm run long -- noise-handshakes)', async () => {
    expect((await longRun.run({ count: 25, seed: 1, progress: () => {} })).failures).toEqual([]);
  });

  it('fall back from IK to XX when the responder has another static key', () => {
    const prologue = Buffer.from('prologue');
    const ephemeralKey = generateKeyPair();
    const common = { role: 'initiator', prologue, ephemeralKey, staticKey: generateKeyPair() } as const;
    const first = new HandshakeState({
      ...common,
      protocol: { pattern: ik, cipher: aesGcm, mixEmptyPayload: true },
      remoteStaticKey: generateKeyPair().publicKey,
    });
    const rawPeerStatic = randomBytes(32);
    const peer = new noise.HandshakeState(
      'Noise_IK_25519_AESGCM_SHA256',
      noise.constants.NOISE_ROLE_RESPONDER,
    );
    peer.Initialize(prologue, rawPeerStatic);
    expect(() => peer.ReadMessage(first.writeMessage(new Uint8Array(0)), true, true)).toThrow();
    peer.FallbackTo();
    peer.Initialize(prologue, rawPeerStatic);

    const second = new HandshakeState({
      ...common,
      protocol: { pattern: xxFallback, cipher: aesGcm, mixEmptyPayload: true },
    });
    expect(second.readMessage(peer.WriteMessage(Buffer.from('chain'))).toString()).toBe('chain');
    expect(Buffer.from(peer.ReadMessage(second.writeMessage(Buffer.from('token')), true)).toString()).toBe(
      'token',
    );
    expectTransport(second.split(), peer);
  });
});
