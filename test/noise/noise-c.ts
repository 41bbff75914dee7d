/** Handshakes with noise-c, an independent implementation in C. */
import { deepEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import createNoise, { type Noise } from 'noise-c.wasm';
import { aesGcm, chaChaPoly, type Cipher } from '../../src/noise/cipher.ts';
import { HandshakeState, type Transport } from '../../src/noise/handshake-state.ts';
import { ik, xx, type Pattern, type Role } from '../../src/noise/pattern.ts';
import { generateKeyPair, importPrivateKey } from '../../src/noise/x25519.ts';

const nothing = new Uint8Array(0);

/** Loads the library. */
export function loadNoise(): Promise<Noise> {
  return new Promise((resolve) => {
    createNoise(resolve);
  });
}

export type Peer = InstanceType<Noise['HandshakeState']>;

interface Party {
  write(payload: Uint8Array): Uint8Array;
  read(message: Uint8Array): Uint8Array;
}

const ours = (state: HandshakeState): Party => ({
  write: (payload) => state.writeMessage(payload),
  read: (message) => state.readMessage(message),
});

const theirs = (state: Peer): Party => ({
  write: (payload) => state.WriteMessage(payload),
  read: (message) => state.ReadMessage(message, true),
});

export interface Case {
  readonly pattern: Pattern;
  readonly cipher: Cipher;
  readonly role: Role;
}

export const cases: readonly Case[] = [xx, ik].flatMap((pattern) =>
  [aesGcm, chaChaPoly].flatMap((cipher) =>
    (['initiator', 'responder'] as const).map((role) => ({ pattern, cipher, role })),
  ),
);

/** Plays one handshake with the C library, then a message each way. @throws AssertionError */
export function handshake(noise: Noise, { pattern, cipher, role }: Case): void {
  const prologue = randomBytes(4);
  const [ownStatic, rawPeerStatic] = [generateKeyPair(), randomBytes(32)];
  const peerStatic = importPrivateKey(rawPeerStatic);
  const initiates = role === 'initiator';
  const knows = pattern === ik;
  const own = new HandshakeState({
    protocol: { pattern, cipher, mixEmptyPayload: true },
    role,
    prologue,
    staticKey: ownStatic,
    ephemeralKey: generateKeyPair(),
    ...(knows && initiates ? { remoteStaticKey: peerStatic.publicKey } : {}),
  });
  const { NOISE_ROLE_INITIATOR, NOISE_ROLE_RESPONDER } = noise.constants;
  const peer = new noise.HandshakeState(
    `Noise_${pattern.name}_25519_${cipher.name}_SHA256`,
    initiates ? NOISE_ROLE_RESPONDER : NOISE_ROLE_INITIATOR,
  );
  peer.Initialize(prologue, rawPeerStatic, knows && !initiates ? ownStatic.publicKey : null);
  const parties = {
    initiator: initiates ? ours(own) : theirs(peer),
    responder: initiates ? theirs(peer) : ours(own),
  };
  for (const { from } of pattern.messages) {
    const payload = randomBytes(from === 'initiator' ? 0 : 40);
    const message = parties[from].write(payload);
    const read = parties[from === 'initiator' ? 'responder' : 'initiator'].read(message);
    deepEqual(Buffer.from(read), payload);
  }
  deepEqual(Buffer.from(own.remoteStaticKey!), peerStatic.publicKey);
  expectTransport(own.split(), peer);
}

/** Compares the handshake hashes, and sends messages each way. @throws AssertionError */
export function expectTransport(transport: Transport, peer: Peer): void {
  deepEqual(Buffer.from(peer.GetHandshakeHash()), transport.handshakeHash);
  const [sending, receiving] = peer.Split();
  for (const text of [randomBytes(0), randomBytes(1), randomBytes(1000)]) {
    const { ciphertext, tag } = transport.sending.seal(text);
    deepEqual(Buffer.from(receiving.DecryptWithAd(nothing, Buffer.concat([ciphertext, tag]))), text);
    deepEqual(transport.receiving.open(Buffer.from(sending.EncryptWithAd(nothing, text))), text);
  }
  sending.free();
  receiving.free();
}
