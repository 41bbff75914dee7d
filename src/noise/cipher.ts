/** Ciphers as data (Noise Protocol Framework, revision 34, §12). */

export interface Cipher {
  /** As it stands in the protocol name. */
  readonly name: string;
  /** OpenSSL's name for it. */
  readonly algorithm: 'aes-256-gcm' | 'chacha20-poly1305';
  /** Writes the nonce of a counter below 2^32 into 12 zeroed bytes. */
  readonly writeNonce: (nonce: Buffer, counter: number) => void;
}

/** The counter stands in the last eight bytes, big-endian. */
export const aesGcm: Cipher = {
  name: 'AESGCM',
  algorithm: 'aes-256-gcm',
  writeNonce: (nonce, counter) => nonce.writeUInt32BE(counter, 8),
};

/** The counter stands in the last eight bytes, little-endian. */
export const chaChaPoly: Cipher = {
  name: 'ChaChaPoly',
  algorithm: 'chacha20-poly1305',
  writeNonce: (nonce, counter) => nonce.writeUInt32LE(counter, 4),
};
