/** Faults of a chat channel, each with one code that ends the session. What the peer sent is left out. */
import { ChatError } from '../../chat/error.ts';
import { NoiseError } from '../../noise/error.ts';
import type { DialCause } from '../../errors/causes.ts';
import { StreamError } from '../../stanza/error.ts';
import { GatekeeperError } from '../../transport/gatekeeper-error.ts';

/** Returns the error for a fault of an open channel; an error of another kind is returned unchanged. */
export function channelError(error: unknown): unknown {
  if (error instanceof NoiseError)
    return error.code === 'ERR_NOISE_EXHAUSTED'
      ? new StreamError('reset', { code: 'ERR_CHANNEL_EXHAUSTED' })
      : new StreamError('remote-connection-failed', { code: 'ERR_CHANNEL_AUTHENTICATION' });
  if (error instanceof ChatError) {
    const code = error.code === 'ERR_CHAT_FRAME_SIZE' ? 'ERR_CHANNEL_FRAME' : 'ERR_CHANNEL_CODEC';
    return new StreamError('remote-connection-failed', { code });
  }
  return error;
}

/** Returns the error for a fault of the handshake; an error of another kind is returned unchanged. */
export function handshakeError(error: unknown): unknown {
  if (error instanceof NoiseError) return new GatekeeperError('ERR_CHANNEL_HANDSHAKE', 'handshake-failed');
  if (!(error instanceof ChatError)) return error;
  return new GatekeeperError('ERR_CHANNEL_HANDSHAKE', causeOf(error));
}

function causeOf({ code }: ChatError): DialCause {
  if (code === 'ERR_CHAT_CERTIFICATE_EXPIRED') return 'expired';
  if (code === 'ERR_CHAT_CERTIFICATE_NOT_YET') return 'not-yet-valid';
  return code.startsWith('ERR_CHAT_CERTIFICATE_') ? 'chain-refused' : 'handshake-failed';
}
