/** Messages of the Noise handshake in the chat channel's framing: parts of a Noise message are fields of a protobuf
 *  `HandshakeMessage { 2: ClientHello, 3: ServerHello, 4: ClientFinish }`. */
import { ChatError } from './error.ts';
import { readFields, writeFields } from './protobuf.ts';

const message = { clientHello: 2, serverHello: 3, clientFinish: 4 } as const;
const part = { ephemeral: 1, static: 2, payload: 3 } as const;
const finishPart = { static: 1, payload: 2 } as const;

const keyLength = 32;
const sealedKeyLength = 48;

/** Frames the first message, which is an ephemeral key. */
export function writeClientHello(ephemeral: Uint8Array): Buffer {
  return writeFields([[message.clientHello, writeFields([[part.ephemeral, ephemeral]])]]);
}

/** Returns the second message in the form of Noise: ephemeral key, sealed static key, sealed payload.
 *  @throws ChatError ERR_CHAT_HANDSHAKE_MESSAGE */
export function readServerHello(frame: Uint8Array): Buffer {
  const code = 'ERR_CHAT_HANDSHAKE_MESSAGE';
  const known = {
    [message.clientHello]: 'bytes',
    [message.serverHello]: 'bytes',
    [message.clientFinish]: 'bytes',
  } as const;
  const { bytes } = readFields(frame, known, code);
  const hello = bytes.get(message.serverHello);
  if (hello === undefined || bytes.size !== 1) throw new ChatError(code);
  const fields = readFields(
    hello,
    { [part.ephemeral]: 'bytes', [part.static]: 'bytes', [part.payload]: 'bytes' },
    code,
  );
  const [ephemeral, sealedStatic, payload] = [part.ephemeral, part.static, part.payload].map((field) =>
    fields.bytes.get(field),
  );
  if (ephemeral?.length !== keyLength || sealedStatic?.length !== sealedKeyLength || payload === undefined)
    throw new ChatError(code);
  return Buffer.concat([ephemeral, sealedStatic, payload]);
}

/** Frames the third message: sealed static key, sealed payload. */
export function writeClientFinish(noiseMessage: Uint8Array): Buffer {
  const fields = writeFields([
    [finishPart.static, noiseMessage.subarray(0, sealedKeyLength)],
    [finishPart.payload, noiseMessage.subarray(sealedKeyLength)],
  ]);
  return writeFields([[message.clientFinish, fields]]);
}
