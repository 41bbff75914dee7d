/** Both sides of the chat channel's handshake and its encryption, written from the description of the protocol
 *  without code of the proxy. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { fieldBytes, packFields, unpackFields } from './fields.ts';

/** A static key, of the server or of an app. */
export interface ServerKey {
  readonly privateKey: KeyObject;
  readonly publicKey: Buffer;
}

export function newServerKey(): ServerKey {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { privateKey, publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url') };
}

/** The client's part of a finished handshake. */
export interface ClientHandshake {
  /** The client's static key in 32 bytes, as enlisted. */
  readonly staticKey: Buffer;
  /** The client's ephemeral key in 32 bytes. */
  readonly ephemeralKey: Buffer;
  /** ClientPayload in protobuf. */
  readonly payload: Buffer;
}

const protocolName = Buffer.concat([Buffer.from('Noise_XX_25519_AESGCM_SHA256')], 32);

/** The responder of one handshake. Call `hello`, then `finish`. */
export class ServerHandshake {
  readonly #serverKey: ServerKey;
  readonly #ephemeral = newServerKey();
  readonly #state: HandshakeState;
  #clientEphemeral: Buffer = Buffer.alloc(0);

  constructor(serverKey: ServerKey, prologue: Uint8Array) {
    this.#serverKey = serverKey;
    this.#state = new HandshakeState(prologue);
  }

  /** Takes ClientHello, and returns ServerHello with this certificate chain. */
  hello(clientHello: Uint8Array, certificates: Uint8Array): Buffer {
    const hello = unpackFields(fieldBytes(unpackFields(clientHello), 2));
    this.#clientEphemeral = Buffer.from(fieldBytes(hello, 1));
    this.#state.mix(this.#clientEphemeral);
    this.#state.mix(this.#ephemeral.publicKey);
    this.#state.agree(this.#ephemeral.privateKey, this.#clientEphemeral);
    const sealedStatic = this.#state.seal(this.#serverKey.publicKey);
    this.#state.agree(this.#serverKey.privateKey, this.#clientEphemeral);
    const sealedChain = this.#state.seal(certificates);
    return packFields([3, packFields([1, this.#ephemeral.publicKey], [2, sealedStatic], [3, sealedChain])]);
  }

  /** Takes ClientFinish, and returns the client's part and the encryption of later frames.
   *  @throws Error when anything was changed */
  finish(clientFinish: Uint8Array): {
    readonly client: ClientHandshake;
    readonly encryption: FrameEncryption;
  } {
    const finish = unpackFields(fieldBytes(unpackFields(clientFinish), 4));
    const staticKey = this.#state.open(fieldBytes(finish, 1));
    this.#state.agree(this.#ephemeral.privateKey, staticKey);
    const payload = this.#state.open(fieldBytes(finish, 2));
    const [received, sent] = this.#state.split();
    return {
      client: { staticKey, ephemeralKey: this.#clientEphemeral, payload },
      encryption: new FrameEncryption(sent, received),
    };
  }
}

/** The initiator of one handshake, for the gatekeeper's own app. It does not check the server's certificates. Call
 *  `hello`, then `finish`. */
export class AppHandshake {
  readonly #staticKey: ServerKey;
  readonly #ephemeral = newServerKey();
  readonly #state: HandshakeState;

  constructor(staticKey: ServerKey, prologue: Uint8Array) {
    this.#staticKey = staticKey;
    this.#state = new HandshakeState(prologue);
  }

  /** Returns ClientHello. */
  hello(): Buffer {
    this.#state.mix(this.#ephemeral.publicKey);
    return packFields([2, packFields([1, this.#ephemeral.publicKey])]);
  }

  /** Takes ServerHello, and returns ClientFinish with this payload, and the encryption of later frames.
   *  @throws Error when anything was changed */
  finish(
    serverHello: Uint8Array,
    payload: Uint8Array,
  ): { readonly clientFinish: Buffer; readonly encryption: FrameEncryption } {
    const hello = unpackFields(fieldBytes(unpackFields(serverHello), 3));
    const serverEphemeral = fieldBytes(hello, 1);
    this.#state.mix(serverEphemeral);
    this.#state.agree(this.#ephemeral.privateKey, serverEphemeral);
    const serverKey = this.#state.open(fieldBytes(hello, 2));
    this.#state.agree(this.#ephemeral.privateKey, serverKey);
    this.#state.open(fieldBytes(hello, 3));
    const sealedStatic = this.#state.seal(this.#staticKey.publicKey);
    this.#state.agree(this.#staticKey.privateKey, serverEphemeral);
    const clientFinish = packFields([4, packFields([1, sealedStatic], [2, this.#state.seal(payload)])]);
    const [sent, received] = this.#state.split();
    return { clientFinish, encryption: new FrameEncryption(sent, received) };
  }
}

/** Hash, chaining key and cipher of a handshake, the same on both sides. */
class HandshakeState {
  #hash: Buffer = protocolName;
  #chain: Buffer = protocolName;
  #key: Buffer = protocolName;
  #counter = 0;

  constructor(prologue: Uint8Array) {
    this.mix(prologue);
  }

  mix(bytes: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(bytes).digest();
  }

  agree(own: KeyObject, theirs: Uint8Array): void {
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(theirs).toString('base64url') },
      format: 'jwk',
    });
    const secret = diffieHellman({ privateKey: own, publicKey });
    const derived = Buffer.from(hkdfSync('sha256', secret, this.#chain, Buffer.alloc(0), 64));
    this.#chain = derived.subarray(0, 32);
    this.#key = derived.subarray(32);
    this.#counter = 0;
  }

  seal(plain: Uint8Array): Buffer {
    const sealed = seal(this.#key, this.#counter++, plain, this.#hash);
    this.mix(sealed);
    return sealed;
  }

  open(sealed: Uint8Array): Buffer {
    const plain = open(this.#key, this.#counter++, sealed, this.#hash);
    this.mix(sealed);
    return plain;
  }

  /** Returns the key of what the initiator sends, and the key of what the responder sends. */
  split(): readonly [Buffer, Buffer] {
    const keys = Buffer.from(hkdfSync('sha256', Buffer.alloc(0), this.#chain, Buffer.alloc(0), 64));
    return [keys.subarray(0, 32), keys.subarray(32)];
  }
}

/** One side's encryption after the handshake. */
export class FrameEncryption {
  readonly #sendKey: Buffer;
  readonly #receiveKey: Buffer;
  #sent = 0;
  #received = 0;

  constructor(sendKey: Buffer, receiveKey: Buffer) {
    this.#sendKey = sendKey;
    this.#receiveKey = receiveKey;
  }

  seal(plain: Uint8Array): Buffer {
    return seal(this.#sendKey, this.#sent++, plain);
  }

  /** Decrypts a frame.
   *  @throws Error when it was changed, repeated or left out */
  open(sealed: Uint8Array): Buffer {
    return open(this.#receiveKey, this.#received++, sealed);
  }
}

function nonce(counter: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(counter, 8);
  return bytes;
}

function seal(
  key: Buffer,
  counter: number,
  plain: Uint8Array,
  associated: Uint8Array = Buffer.alloc(0),
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce(counter)).setAAD(associated);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(
  key: Buffer,
  counter: number,
  sealed: Uint8Array,
  associated: Uint8Array = Buffer.alloc(0),
): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(counter)).setAAD(associated);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}
