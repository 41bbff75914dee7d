/** Two parties of one handshake, for tests that play both. */
import { aesGcm } from '../../src/noise/cipher.ts';
import { HandshakeState, type HandshakeProtocol, type Transport } from '../../src/noise/handshake-state.ts';
import { xx } from '../../src/noise/pattern.ts';
import { generateKeyPair } from '../../src/noise/x25519.ts';

export const standardXx: HandshakeProtocol = { pattern: xx, cipher: aesGcm, mixEmptyPayload: true };

export interface Pair {
  readonly initiator: HandshakeState;
  readonly responder: HandshakeState;
}

/** Two parties with keys of their own and the same prologue. */
export function newPair(protocol = standardXx, prologue = Buffer.from('prologue')): Pair {
  const party = (role: 'initiator' | 'responder'): HandshakeState =>
    new HandshakeState({
      protocol,
      role,
      prologue,
      staticKey: generateKeyPair(),
      ephemeralKey: generateKeyPair(),
    });
  return { initiator: party('initiator'), responder: party('responder') };
}

/** Plays the messages of XX; `change` may replace each on its way. Returns both transports. */
export function playXx(
  { initiator, responder }: Pair,
  change: (message: Buffer, index: number) => Buffer = (message) => message,
): { readonly initiator: Transport; readonly responder: Transport } {
  responder.readMessage(change(initiator.writeMessage(Buffer.alloc(0)), 0));
  initiator.readMessage(change(responder.writeMessage(Buffer.from('certificates')), 1));
  responder.readMessage(change(initiator.writeMessage(Buffer.from('token')), 2));
  return { initiator: initiator.split(), responder: responder.split() };
}

/** The ciphertext with its tag, as it is sent. */
export function sealed(transport: Transport, text: string): Buffer {
  const { ciphertext, tag } = transport.sending.seal(Buffer.from(text));
  return Buffer.concat([ciphertext, tag]);
}
