/** Ciphers as data (Noise Protocol Framework, revision 34, §12). */

export interface Cipher {
  /** Name of the cipher in the protocol name. */
  readonly name: string;
  /** OpenSSL's name of the cipher. */
  readonly algorithm: 'aes-256-gcm' | 'chacha20-poly1305';
  /** Writes the nonce of a counter below 2^32 into 12 zeroed bytes. */
  readonly writeNonce: (nonce: Buffer, counter: number) => void;
}

/** AES-GCM. The counter is in the last eight bytes of the nonce, big-endian. */
export const aesGcm: Cipher = {
  name: 'AESGCM',
  algorithm: 'aes-256-gcm',
  writeNonce: (nonce, counter) => nonce.writeUInt32BE(counter, 8),
};

/** ChaCha20-Poly1305. The counter is in the last eight bytes of the nonce, little-endian. */
export const chaChaPoly: Cipher = {
  name: 'ChaChaPoly',
  algorithm: 'chacha20-poly1305',
  writeNonce: (nonce, counter) => nonce.writeUInt32LE(counter, 4),
};
