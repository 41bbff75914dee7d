/** A handshake of the product with the simulator, for tests. */
import { ChatHandshake } from '../../src/chat/handshake.ts';
import { encodeClientPayload, type ClientPayload } from '../../src/chat/client-payload.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { lengthBytes } from '../../src/chat/frames.ts';
import { generateKeyPair, type KeyPair } from '../../src/noise/x25519.ts';
import { ChatAuthority } from '../../src/simulator/chat/authority.ts';
import { newServerKey, ServerHandshake } from '../../src/simulator/chat/noise.ts';

/** The moment of all tests, milliseconds since 1970. */
export const now = Date.UTC(2026, 10, 1);
export const intro = Buffer.from([0x57, 0x41, 6, 3]);

export const samplePayload: ClientPayload = {
  token: Buffer.from('eyJhbGciOiJSUzI1NiJ9.e30.c2ln'),
  enableReadReceipts: true,
  platform: 14,
  appVersion: [2, 3000, 1],
  padToBytes: 0,
};

export interface Parties {
  readonly client: ChatHandshake;
  readonly staticKey: KeyPair;
  readonly ephemeralKey: KeyPair;
  readonly server: ServerHandshake;
  readonly serverKey: ReturnType<typeof newServerKey>;
  readonly authority: ChatAuthority;
}

/** A client that trusts the server's authority. */
export function newParties(
  payload: ClientPayload = samplePayload,
  authority = new ChatAuthority(),
  serverKey = newServerKey(),
): Parties {
  const [staticKey, ephemeralKey] = [generateKeyPair(), generateKeyPair()];
  const client = new ChatHandshake({
    staticKey,
    ephemeralKey,
    root: authority.root,
    clientPayload: encodeClientPayload(payload, defaultChatLimits),
    now: () => now,
  });
  return {
    client,
    staticKey,
    ephemeralKey,
    serverKey,
    authority,
    server: new ServerHandshake(serverKey, intro),
  };
}

/** The frame's content, without intro and length. */
export function frameOf(bytes: Buffer, introLength = 0): Buffer {
  return bytes.subarray(introLength + lengthBytes);
}

type Change = (message: Buffer, index: number) => Buffer;

/** Plays the handshake; `change` may replace each message on its way. */
export function play(
  { client, server, serverKey, authority }: Parties,
  chain: Uint8Array = authority.chain(serverKey.publicKey, now),
  change: Change = (message) => message,
): ReturnType<ServerHandshake['finish']> & {
  readonly transport: ReturnType<ChatHandshake['finish']>['transport'];
} {
  const hello = server.hello(change(frameOf(client.start(), intro.length), 0), chain);
  const { clientFinish, transport } = client.finish(change(hello, 1));
  return { ...server.finish(change(frameOf(clientFinish), 2)), transport };
}
