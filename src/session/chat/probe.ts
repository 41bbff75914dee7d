/** Finds out whether a gatekeeper is there on the chat channel: the handshake up to its verified certificates. No client
 *  is logged in, since the last message, which has the token, is not sent. */
import type { Socket } from 'node:net';
import { encodeClientPayload } from '../../chat/client-payload.ts';
import { FrameReader } from '../../chat/frames.ts';
import { ChatHandshake, type ChatHandshakeOptions } from '../../chat/handshake.ts';
import { defaultChatLimits } from '../../chat/limits.ts';
import { generateKeyPair } from '../../noise/x25519.ts';
import { onPeerEnd } from '../../transport/close.ts';
import { onDeadline } from '../../transport/deadline.ts';
import { GatekeeperError, GatekeeperUnreachableError } from '../../transport/gatekeeper-error.ts';
import { handshakeError } from './channel-error.ts';

export interface ProbeOptions extends Pick<ChatHandshakeOptions, 'root' | 'now'> {
  readonly handshakeBytesMax: number;
  readonly timeoutMs: number;
}

/** Does the handshake on a connected socket, which is destroyed.
 *  @returns the end of the validity of the gatekeeper's certificates, in milliseconds since 1970
 *  @throws GatekeeperError */
export function probeChannel(socket: Socket, options: ProbeOptions): Promise<number> {
  const { root, now, handshakeBytesMax, timeoutMs } = options;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const handshake = new ChatHandshake({
    root,
    now,
    staticKey: generateKeyPair(),
    ephemeralKey: generateKeyPair(),
    clientPayload: neverSent,
  });
  const frames = new FrameReader(handshakeBytesMax);
  const failed = (error: unknown): void => {
    socket.destroy();
    reject(error);
  };
  const stop = onDeadline(timeoutMs, undefined, () => failed(new GatekeeperUnreachableError('timed-out')));
  onPeerEnd(socket, () => failed(new GatekeeperError('ERR_CHANNEL_HANDSHAKE', 'handshake-failed')));
  socket.on('data', (chunk: Uint8Array) => {
    try {
      frames.push(chunk, (frame) => {
        frames.halt();
        resolve(Number(handshake.finish(frame).notAfter) * 1_000);
        socket.destroy();
      });
    } catch (error) {
      failed(handshakeError(error));
    }
  });
  socket.write(handshake.start());
  return promise.finally(stop);
}

/** A handshake needs a payload to compute its last message. */
const neverSent = encodeClientPayload(
  { token: Buffer.from('-'), platform: 0, appVersion: [0], padToBytes: 0 },
  defaultChatLimits,
);
