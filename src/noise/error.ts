/** Refusals of a Noise handshake and of its transport messages. */

/** Codes of this folder; each ends the connection. */
export type NoiseErrorCode =
  /** A message or payload was forged, changed, repeated or out of order. */
  | 'ERR_NOISE_AUTHENTICATION'
  /** A message is shorter than its pattern requires, or longer than the framework allows. */
  | 'ERR_NOISE_LENGTH'
  /** A public key is of low order, or no key at all. */
  | 'ERR_NOISE_PUBLIC_KEY'
  /** A direction has used all its nonces. */
  | 'ERR_NOISE_EXHAUSTED';

export class NoiseError extends Error {
  override readonly name = 'NoiseError';
  readonly code: NoiseErrorCode;

  constructor(code: NoiseErrorCode, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
