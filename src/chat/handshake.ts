/** The initiator of the chat channel's handshake: Noise XX, in which the gatekeeper authenticates by its certificate
 *  chain before anything of the client is sent. Pure: bytes in, bytes out. */
import { aesGcm } from '../noise/cipher.ts';
import { HandshakeState, type HandshakeProtocol, type Transport } from '../noise/handshake-state.ts';
import { xx } from '../noise/pattern.ts';
import type { KeyPair } from '../noise/x25519.ts';
import { checkCertificateChain } from './certificate-chain.ts';
import { frameHeader, intro } from './frames.ts';
import { readServerHello, writeClientFinish, writeClientHello } from './handshake-messages.ts';

/** Noise_XX_25519_AESGCM_SHA256, except that the empty payload of the first message is not hashed. */
export const chatNoise: HandshakeProtocol = { pattern: xx, cipher: aesGcm, mixEmptyPayload: false };

export interface ChatHandshakeOptions {
  /** The account's static key, as enlisted. */
  readonly staticKey: KeyPair;
  /** An ephemeral key for this connection only. */
  readonly ephemeralKey: KeyPair;
  /** Root of the gatekeeper's certificates: its key in 32 bytes, and its serial number. */
  readonly root: { readonly key: Uint8Array; readonly serial: number };
  /** The payload of client-payload.ts, sent only to a server with a valid chain. */
  readonly clientPayload: Uint8Array;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

export class ChatHandshake {
  readonly #options: ChatHandshakeOptions;
  readonly #state: HandshakeState;

  constructor(options: ChatHandshakeOptions) {
    const { staticKey, ephemeralKey } = options;
    this.#options = options;
    this.#state = new HandshakeState({
      protocol: chatNoise,
      role: 'initiator',
      prologue: intro,
      staticKey,
      ephemeralKey,
    });
  }

  /** Returns the first bytes of the connection: intro and ClientHello. */
  start(): Buffer {
    const hello = writeClientHello(this.#state.writeMessage(new Uint8Array(0)));
    return Buffer.concat([intro, frameHeader(hello.length), hello]);
  }

  /** Reads the frame of ServerHello.
   *  @returns ClientFinish as a frame with its length; the transport keys, which the gatekeeper may use as soon as it
   *  has that frame; and the end of its certificates' validity, in seconds since 1970
   *  @throws ChatError ERR_CHAT_HANDSHAKE_MESSAGE, ERR_CHAT_CERTIFICATE_…; NoiseError */
  finish(serverHello: Uint8Array): {
    readonly clientFinish: Buffer;
    readonly transport: Transport;
    readonly notAfter: bigint;
  } {
    const { root, clientPayload, now } = this.#options;
    const chain = this.#state.readMessage(readServerHello(serverHello));
    const notAfter = checkCertificateChain(chain, {
      rootKey: root.key,
      rootSerial: root.serial,
      staticKey: this.#state.remoteStaticKey!,
      now: now(),
    });
    const finish = writeClientFinish(this.#state.writeMessage(clientPayload));
    const clientFinish = Buffer.concat([frameHeader(finish.length), finish]);
    return { clientFinish, transport: this.#state.split(), notAfter };
  }
}
