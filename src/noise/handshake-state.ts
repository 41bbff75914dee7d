/** The HandshakeState of the Noise Protocol Framework (revision 34, §5.3): writes and reads the messages of a pattern,
 *  in turn. Pure: no sockets, no frames, no clock. */
import type { KeyObject } from 'node:crypto';
import type { Cipher } from './cipher.ts';
import { tagLength, type CipherState } from './cipher-state.ts';
import { NoiseError } from './error.ts';
import type { MessagePattern, Pattern, Role, Token } from './pattern.ts';
import { SymmetricState } from './symmetric-state.ts';
import { importPublicKey, keyLength, sharedSecret, type KeyPair } from './x25519.ts';

/** Bytes of the longest message in the framework (§3). */
export const messageBytesMax = 65_535;

/** The protocol that both sides agree on before a handshake. */
export interface HandshakeProtocol {
  readonly pattern: Pattern;
  readonly cipher: Cipher;
  /** Whether the empty payload of a message without a key is mixed into the hash. The framework mixes it (§5.2); the
   *  chat channel does not. */
  readonly mixEmptyPayload: boolean;
}

export interface HandshakeOptions {
  readonly protocol: HandshakeProtocol;
  readonly role: Role;
  /** Bytes that must be equal on both sides. */
  readonly prologue: Uint8Array;
  /** The own static key, where the pattern has one. */
  readonly staticKey?: KeyPair;
  /** The own ephemeral key, for this handshake and its fallback only. The caller makes it, so that an attestation of
   *  the connection can name it before the connection is open. */
  readonly ephemeralKey: KeyPair;
  /** The peer's static key, 32 bytes, where the pattern knows it beforehand. */
  readonly remoteStaticKey?: Uint8Array;
  /** The peer's ephemeral key, 32 bytes, where the pattern knows it beforehand. */
  readonly remoteEphemeralKey?: Uint8Array;
}

/** The result of a finished handshake. */
export interface Transport {
  readonly sending: CipherState;
  readonly receiving: CipherState;
  /** 32 bytes that are unique to this handshake (§11.2). */
  readonly handshakeHash: Buffer;
}

/** A peer's public key, imported once. */
interface RemoteKey {
  readonly raw: Uint8Array;
  readonly key: KeyObject;
}

export class HandshakeState {
  readonly #symmetric: SymmetricState;
  readonly #role: Role;
  readonly #firstKey: Role;
  readonly #mixEmptyPayload: boolean;
  readonly #remaining: MessagePattern[];
  readonly #local: { e: KeyPair; s: KeyPair | undefined };
  readonly #remote: { e: RemoteKey | undefined; s: RemoteKey | undefined };
  #closed = false;

  /** Starts a handshake.
   *  @throws NoiseError ERR_NOISE_PUBLIC_KEY when a known key of the peer is invalid */
  constructor(options: HandshakeOptions) {
    const { pattern, cipher, mixEmptyPayload } = options.protocol;
    this.#role = options.role;
    this.#firstKey = pattern.firstKey;
    this.#mixEmptyPayload = mixEmptyPayload;
    this.#remaining = [...pattern.messages];
    this.#local = { e: options.ephemeralKey, s: options.staticKey };
    this.#remote = { e: imported(options.remoteEphemeralKey), s: imported(options.remoteStaticKey) };
    this.#symmetric = new SymmetricState(cipher, `Noise_${pattern.name}_25519_${cipher.name}_SHA256`);
    this.#symmetric.mixHash(options.prologue);
    for (const { of, key } of pattern.known)
      this.#symmetric.mixHash(of === this.#role ? this.#ownKey(key).publicKey : this.#remoteKey(key).raw);
  }

  /** Whether the last message was written or read. */
  get finished(): boolean {
    return this.#remaining.length === 0;
  }

  /** The peer's static public key in 32 bytes; undefined until its message was read. */
  get remoteStaticKey(): Uint8Array | undefined {
    return this.#remote.s?.raw;
  }

  /** Returns the next own message with this payload.
   *  @throws NoiseError ERR_NOISE_LENGTH, ERR_NOISE_PUBLIC_KEY */
  writeMessage(payload: Uint8Array): Buffer {
    return this.#step(this.#role, (tokens) => {
      const parts: Uint8Array[] = [];
      for (const token of tokens) {
        if (token === 'e') parts.push(this.#sendEphemeral());
        else if (token === 's') parts.push(this.#symmetric.encryptAndHash(this.#ownKey('s').publicKey));
        else this.#mixShared(token);
      }
      if (this.#mixesPayload(payload)) parts.push(this.#symmetric.encryptAndHash(payload));
      const message = Buffer.concat(parts);
      if (message.length > messageBytesMax) throw new NoiseError('ERR_NOISE_LENGTH');
      return message;
    });
  }

  /** Returns the payload of the peer's next message.
   *  @throws NoiseError, after which the handshake cannot continue */
  readMessage(message: Uint8Array): Buffer {
    return this.#step(this.#role === 'initiator' ? 'responder' : 'initiator', (tokens) => {
      if (message.length > messageBytesMax) throw new NoiseError('ERR_NOISE_LENGTH');
      let at = 0;
      const take = (length: number): Uint8Array => {
        if (message.length - at < length) throw new NoiseError('ERR_NOISE_LENGTH');
        return message.subarray(at, (at += length));
      };
      for (const token of tokens) {
        if (token === 'e') this.#receiveEphemeral(take(keyLength));
        else if (token === 's')
          this.#receiveStatic(take(keyLength + (this.#symmetric.hasKey ? tagLength : 0)));
        else this.#mixShared(token);
      }
      const payload = message.subarray(at);
      return Buffer.from(this.#mixesPayload(payload) ? this.#symmetric.decryptAndHash(payload) : payload);
    });
  }

  /** Returns the transport keys of a finished handshake. May be called once.
   *  @throws Error at any other time */
  split(): Transport {
    if (!this.finished || this.#closed) throw new Error('the handshake is not finished');
    this.#closed = true;
    const { handshakeHash } = this.#symmetric;
    const [first, second] = this.#symmetric.split();
    return this.#role === this.#firstKey
      ? { sending: first, receiving: second, handshakeHash }
      : { sending: second, receiving: first, handshakeHash };
  }

  #step<T>(from: Role, run: (tokens: readonly Token[]) => T): T {
    const message = this.#remaining[0];
    if (message?.from !== from || this.#closed) throw new Error('this message is not due in the handshake');
    // A half-written message cannot be repeated: its keys are mixed in.
    this.#closed = true;
    const result = run(message.tokens);
    this.#remaining.shift();
    this.#closed = false;
    return result;
  }

  #mixesPayload(payload: Uint8Array): boolean {
    return this.#mixEmptyPayload || payload.length > 0 || this.#symmetric.hasKey;
  }

  #sendEphemeral(): Uint8Array {
    const { publicKey } = this.#ownKey('e');
    this.#symmetric.mixHash(publicKey);
    return publicKey;
  }

  #receiveEphemeral(raw: Uint8Array): void {
    this.#remote.e = imported(Buffer.from(raw));
    this.#symmetric.mixHash(raw);
  }

  #receiveStatic(sealed: Uint8Array): void {
    this.#remote.s = imported(Buffer.from(this.#symmetric.decryptAndHash(sealed)));
  }

  /** Mixes in the Diffie-Hellman result that a token names. */
  #mixShared(token: Exclude<Token, 'e' | 's'>): void {
    const [first, second] = token.split('') as ['e' | 's', 'e' | 's'];
    const [ours, theirs] = this.#role === 'initiator' ? [first, second] : [second, first];
    this.#symmetric.mixKey(sharedSecret(this.#ownKey(ours).privateKey, this.#remoteKey(theirs).key));
  }

  #ownKey(name: 'e' | 's'): KeyPair {
    const key = this.#local[name];
    if (key === undefined) throw new Error(`this pattern needs an own key: ${name}`);
    return key;
  }

  #remoteKey(name: 'e' | 's'): RemoteKey {
    const key = this.#remote[name];
    if (key === undefined) throw new Error(`this pattern needs a key of the peer: ${name}`);
    return key;
  }
}

function imported(raw: Uint8Array | undefined): RemoteKey | undefined {
  return raw === undefined ? undefined : { raw, key: importPublicKey(raw) };
}
