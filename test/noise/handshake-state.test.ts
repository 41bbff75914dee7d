import { describe, expect, it } from 'vitest';
import { aesGcm } from '../../src/noise/cipher.ts';
import { CipherState, counterEnd } from '../../src/noise/cipher-state.ts';
import { NoiseError } from '../../src/noise/error.ts';
import { HandshakeState, messageBytesMax } from '../../src/noise/handshake-state.ts';
import { generateKeyPair, importPublicKey, sharedSecret } from '../../src/noise/x25519.ts';
import { newPair, playXx, sealed, standardXx } from './pair.ts';

const chatXx = { ...standardXx, mixEmptyPayload: false };

/** The code of what `run` throws. */
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof NoiseError) return error.code;
    throw error;
  }
  return 'nothing';
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0x40;
  return copy;
}

describe('a handshake', () => {
  it.each([standardXx, chatXx])(
    'gives both parties the same keys (mixEmptyPayload $mixEmptyPayload)',
    (protocol) => {
      const { initiator, responder } = playXx(newPair(protocol));
      expect(initiator.handshakeHash).toEqual(responder.handshakeHash);
      for (let index = 0; index < 3; index += 1) {
        expect(responder.receiving.open(sealed(initiator, `to ${index}`)).toString()).toBe(`to ${index}`);
        expect(initiator.receiving.open(sealed(responder, `back ${index}`)).toString()).toBe(`back ${index}`);
      }
    },
  );

  it('fails where the parties disagree on the empty payload, the prologue, or the pattern', () => {
    const other = (protocol = standardXx, prologue = 'prologue'): string =>
      codeOf(() => playXx({ ...newPair(), responder: newPair(protocol, Buffer.from(prologue)).responder }));
    expect(other(chatXx)).toBe('ERR_NOISE_AUTHENTICATION');
    expect(other(standardXx, 'another')).toBe('ERR_NOISE_AUTHENTICATION');
  });

  it.each([standardXx, chatXx])('refuses every changed byte of every message', (protocol) => {
    const codes = new Map<string, number>();
    let bytes = 0;
    for (const index of [0, 1, 2]) {
      for (let at = 0, length = 1; at < length; at += 1) {
        const code = codeOf(() =>
          playXx(newPair(protocol), (message, number) => {
            if (number !== index) return message;
            length = message.length;
            return flipped(message, at);
          }),
        );
        codes.set(code, (codes.get(code) ?? 0) + 1);
        bytes += 1;
      }
    }
    // The top bit of an X25519 key is masked, any other change gives another key, and the next tag fails.
    expect(Object.fromEntries(codes)).toEqual({ ERR_NOISE_AUTHENTICATION: bytes });
    expect(bytes).toBeGreaterThan(200);
  });

  it('refuses the ignored top bit of an ephemeral key, because the bytes are hashed', () => {
    const topBit = (message: Buffer, number: number): Buffer => {
      if (number !== 0) return message;
      const copy = Buffer.from(message);
      copy[31]! ^= 0x80;
      return copy;
    };
    expect(codeOf(() => playXx(newPair(), topBit))).toBe('ERR_NOISE_AUTHENTICATION');
  });

  it('refuses messages that are cut or too long', () => {
    const cut = (index: number, length: number): string =>
      codeOf(() =>
        playXx(newPair(), (message, number) => (number === index ? message.subarray(0, length) : message)),
      );
    expect(cut(0, 31)).toBe('ERR_NOISE_LENGTH');
    expect(cut(1, 79)).toBe('ERR_NOISE_LENGTH');
    expect(cut(1, 90)).toBe('ERR_NOISE_LENGTH');
    expect(cut(2, 47)).toBe('ERR_NOISE_LENGTH');
    expect(cut(2, 60)).toBe('ERR_NOISE_LENGTH');
    const long = (): unknown => newPair().responder.readMessage(Buffer.alloc(messageBytesMax + 1));
    expect(codeOf(long)).toBe('ERR_NOISE_LENGTH');
    expect(codeOf(() => newPair().initiator.writeMessage(Buffer.alloc(messageBytesMax)))).toBe(
      'ERR_NOISE_LENGTH',
    );
  });

  it('cannot go on after a failure, nor out of turn, nor be split twice', () => {
    const { initiator, responder } = newPair();
    expect(() => initiator.readMessage(Buffer.alloc(32))).toThrow('not due');
    expect(() => responder.writeMessage(Buffer.alloc(0))).toThrow('not due');
    responder.readMessage(initiator.writeMessage(Buffer.alloc(0)));
    const answer = responder.writeMessage(Buffer.alloc(0));
    expect(codeOf(() => initiator.readMessage(flipped(answer, 40)))).toBe('ERR_NOISE_AUTHENTICATION');
    expect(() => initiator.readMessage(answer)).toThrow('not due');
    expect(() => initiator.split()).toThrow('not finished');
    const pair = newPair();
    playXx(pair);
    expect(() => pair.initiator.split()).toThrow('not finished');
  });

  it.each([
    ['zero', Buffer.alloc(32)],
    ['one', Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])],
    ['order 8', Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex')],
    ['p - 1', Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex')],
  ])('refuses a key of low order: %s', (_, key) => {
    const keyPair = generateKeyPair();
    expect(codeOf(() => sharedSecret(keyPair.privateKey, importPublicKey(key)))).toBe('ERR_NOISE_PUBLIC_KEY');
    const { responder } = newPair();
    responder.readMessage(key);
    expect(codeOf(() => responder.writeMessage(Buffer.alloc(0)))).toBe('ERR_NOISE_PUBLIC_KEY');
  });

  it('refuses a known key of another length', () => {
    const options = {
      protocol: standardXx,
      role: 'initiator',
      prologue: Buffer.alloc(0),
      ephemeralKey: generateKeyPair(),
    } as const;
    expect(codeOf(() => new HandshakeState({ ...options, remoteStaticKey: Buffer.alloc(31) }))).toBe(
      'ERR_NOISE_PUBLIC_KEY',
    );
  });
});

describe('transport messages', () => {
  it.each([
    ['changed', (first: Buffer) => [flipped(first, 0)]],
    ['changed in its tag', (first: Buffer) => [flipped(first, first.length - 1)]],
    ['cut', (first: Buffer) => [first.subarray(0, -1)]],
    ['shorter than a tag', (first: Buffer) => [first.subarray(0, 15)]],
    ['out of order', (first: Buffer, second: Buffer) => [second, first]],
    ['repeated', (first: Buffer) => [first, first]],
  ])('are refused for good when one is %s', (_, order) => {
    const { initiator, responder } = playXx(newPair());
    const [first, second, third] = ['one', 'two', 'three'].map((text) => sealed(initiator, text));
    const received = order(first!, second!);
    const last = received.pop()!;
    for (const message of received.length === 1 && received[0] === second ? [] : received)
      responder.receiving.open(message);
    const code = codeOf(() => responder.receiving.open(received[0] === second ? second! : last));
    expect(code).toMatch(/^ERR_NOISE_(AUTHENTICATION|LENGTH)$/);
    for (const message of [first!, second!, third!])
      expect(codeOf(() => responder.receiving.open(message))).toBe('ERR_NOISE_EXHAUSTED');
  });

  it('end before a counter could repeat', () => {
    const key = Buffer.alloc(32, 7);
    const [sending, receiving] = [1, 2].map(() => new CipherState(aesGcm, key, counterEnd - 1));
    const { ciphertext, tag } = sending!.seal(Buffer.from('last'));
    expect(receiving!.open(Buffer.concat([ciphertext, tag])).toString()).toBe('last');
    expect(codeOf(() => sending!.seal(Buffer.from('more')))).toBe('ERR_NOISE_EXHAUSTED');
    expect(codeOf(() => receiving!.open(Buffer.alloc(20)))).toBe('ERR_NOISE_EXHAUSTED');
  });
});
