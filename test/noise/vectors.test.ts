import { expect, it } from 'vitest';
import { aesGcm, chaChaPoly } from '../../src/noise/cipher.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { ik, xx, type Role } from '../../src/noise/pattern.ts';
import { importPrivateKey } from '../../src/noise/x25519.ts';
import { describeWithPeers } from '../peers/require.ts';
import { readVectors, type Vector } from './vectors.ts';

const protocols = [xx, ik].flatMap((pattern) =>
  [aesGcm, chaChaPoly].map((cipher) => ({
    name: `Noise_${pattern.name}_25519_${cipher.name}_SHA256`,
    protocol: { pattern, cipher, mixEmptyPayload: true },
  })),
);

function party(vector: Vector, role: Role): HandshakeState {
  const { protocol } = protocols.find(({ name }) => name === vector.protocol)!;
  const initiates = role === 'initiator';
  const responderStatic = importPrivateKey(vector.responderStatic!);
  return new HandshakeState({
    protocol,
    role,
    prologue: vector.prologue,
    staticKey: initiates ? importPrivateKey(vector.initiatorStatic!) : responderStatic,
    ephemeralKey: importPrivateKey(initiates ? vector.initiatorEphemeral : vector.responderEphemeral),
    ...(protocol.pattern === ik && initiates ? { remoteStaticKey: responderStatic.publicKey } : {}),
  });
}

/** Plays both parties of a vector; returns what each wrote and each read, handshake and transport. */
function play(vector: Vector): { written: string[]; read: string[] } {
  const [initiator, responder] = [party(vector, 'initiator'), party(vector, 'responder')];
  const written: string[] = [];
  const read: string[] = [];
  let next = 0;
  while (!initiator.finished) {
    const [from, to] = next % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = from.writeMessage(vector.messages[next]!.payload);
    written.push(message.toString('hex'));
    read.push(to.readMessage(message).toString('hex'));
    next += 1;
  }
  const [first, second] = [initiator.split(), responder.split()];
  // The initiator always sends the first transport message.
  for (let turn = 0; next < vector.messages.length; next += 1, turn += 1) {
    const [from, to] = turn % 2 === 0 ? [first, second] : [second, first];
    const { ciphertext, tag } = from.sending.seal(vector.messages[next]!.payload);
    const message = Buffer.concat([ciphertext, tag]);
    written.push(message.toString('hex'));
    read.push(to.receiving.open(message).toString('hex'));
  }
  return { written, read };
}

describeWithPeers(['noise-vectors'], 'published vectors of XX and IK', () => {
  const vectors = readVectors(protocols.map(({ name }) => name));

  it('are there for each pattern and cipher, with and without prologue and payloads', () => {
    for (const { name } of protocols)
      expect(vectors.filter(({ protocol }) => protocol === name)).toHaveLength(4);
  });

  it.each(vectors.map((vector, index) => ({ name: `${vector.protocol} ${index % 4}`, vector })))(
    '$name',
    ({ vector }) => {
      const { written, read } = play(vector);
      expect(written).toEqual(vector.messages.map(({ ciphertext }) => ciphertext.toString('hex')));
      expect(read).toEqual(vector.messages.map(({ payload }) => payload.toString('hex')));
    },
  );
});
