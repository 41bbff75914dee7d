import { ByteQueue } from './byte-queue.ts';
import { clientHelloType, parseClientHello, type ClientHello } from './client-hello.ts';

/** What the bytes so far are.
 *
 *  - `incomplete`: TLS so far, more is needed.
 *  - `not-tls`: no TLS handshake, from the first byte that shows it.
 *  - `too-large`: the ClientHello does not end within `bytesMax`.
 *  - `malformed`: TLS records without a ClientHello that every parser reads alike.
 *  - `hello`: a complete ClientHello. */
export type ClientHelloProgress =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'hello'; readonly hello: ClientHello };

export interface ClientHelloLimits {
  /** Bytes on the wire up to the end of the ClientHello, record headers included. Default 16 KiB. */
  readonly bytesMax?: number;
}

const clientHelloBytesMax = 16 * 1024;
const recordHeaderBytes = 5;
const recordPayloadBytesMax = 16 * 1024;
const handshakeHeaderBytes = 4;
const handshakeRecord = 22;

/** Reads a connection's first bytes until they hold a ClientHello or cannot (RFC 8446 §5.1), however they are split:
 *  across segments, records, or inside headers. Each byte is visited once, and the bytes can be passed on.
 *
 *  The caller owns the timer, and stops pushing when the answer is final. */
export class ClientHelloReader {
  readonly #bytesMax: number;
  readonly #wire = new ByteQueue();
  /** Offsets of handshake bytes in the wire: start and end, alternating. */
  readonly #fragments: number[] = [];
  /** The bytes of the handshake header so far; its fragments may be single bytes. */
  readonly #header = new Uint8Array(handshakeHeaderBytes);
  #headerBytes = 0;
  #handshakeBytes = 0;
  #messageBytes = Infinity;
  #at = 0;
  #recordEnd = 0;
  /** Number of bytes from which on the answer can change. */
  #needed = 1;
  #progress: ClientHelloProgress = { kind: 'incomplete' };

  constructor({ bytesMax = clientHelloBytesMax }: ClientHelloLimits = {}) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes, and returns the answer. A final answer does not change; bytes are still kept for `taken`. */
  push(chunk: Uint8Array): ClientHelloProgress {
    if (chunk.length > 0) this.#wire.push(chunk);
    // Bytes beyond the limit are ignored, so that the answer does not depend on how they were split.
    if (this.#progress.kind === 'incomplete' && this.#wire.length >= this.#needed)
      this.#progress = this.#read(this.#within(this.#wire.bytes()));
    return this.#progress;
  }

  /** Returns everything pushed, in order, for the TLS stack. */
  taken(): Buffer {
    return this.#wire.bytes();
  }

  #within(wire: Uint8Array): Uint8Array {
    return wire.length <= this.#bytesMax ? wire : wire.subarray(0, this.#bytesMax);
  }

  #read(wire: Uint8Array): ClientHelloProgress {
    for (;;) {
      if (this.#at === this.#recordEnd) {
        const refusal = this.#checkRecordHeader(wire);
        if (refusal !== undefined) return refusal;
        this.#recordEnd = this.#at + recordHeaderBytes + payloadLength(wire, this.#at);
        this.#at += recordHeaderBytes;
      }
      const outcome = this.#readFragment(wire);
      if (outcome !== undefined) return outcome;
      if (this.#at < this.#recordEnd) return this.#waitOrRefuse(wire, this.#fragmentEnd());
    }
  }

  /** Checks the record header at `#at`.
   *  @returns undefined when it is complete and plausible */
  #checkRecordHeader(wire: Uint8Array): ClientHelloProgress | undefined {
    const at = this.#at;
    const foreign = { kind: at === 0 ? 'not-tls' : 'malformed' } as const;
    if (at < wire.length && wire[at] !== handshakeRecord) return foreign;
    // The major version is 3 in every version of TLS; the minor one is to be ignored (RFC 8446 §5.1).
    if (at + 1 < wire.length && wire[at + 1] !== 3) return foreign;
    if (at + recordHeaderBytes > wire.length) return this.#waitOrRefuse(wire, wire.length + 1);
    const length = payloadLength(wire, at);
    if (length > recordPayloadBytesMax) return foreign;
    // Empty handshake fragments are forbidden; with them a peer could send records forever.
    return length === 0 ? { kind: 'malformed' } : undefined;
  }

  /** Reads the bytes of the current record.
   *  @returns a final answer, or undefined to go on */
  #readFragment(wire: Uint8Array): ClientHelloProgress | undefined {
    const end = Math.min(this.#recordEnd, wire.length);
    if (end === this.#at) return undefined;
    this.#noteFragment(this.#at, end);
    const refusal = this.#readHandshakeHeader(wire, end);
    if (refusal !== undefined) return refusal;
    this.#handshakeBytes += end - this.#at;
    this.#at = end;
    if (this.#handshakeBytes < this.#messageBytes) return undefined;
    // A ClientHello is a flight of its own: bytes after it in its record are refused.
    if (this.#handshakeBytes > this.#messageBytes || end < this.#recordEnd) return { kind: 'malformed' };
    return parseClientHello(this.#message(wire));
  }

  #noteFragment(start: number, end: number): void {
    if (this.#fragments.at(-1) === start) this.#fragments[this.#fragments.length - 1] = end;
    else this.#fragments.push(start, end);
  }

  #readHandshakeHeader(wire: Uint8Array, end: number): ClientHelloProgress | undefined {
    for (let at = this.#at; at < end && this.#headerBytes < handshakeHeaderBytes; at += 1)
      this.#header[this.#headerBytes++] = wire[at]!;
    if (this.#header[0] !== clientHelloType) return { kind: 'malformed' };
    if (this.#headerBytes < handshakeHeaderBytes || this.#messageBytes !== Infinity) return undefined;
    const [, high, middle, low] = this.#header as unknown as [number, number, number, number];
    this.#messageBytes = handshakeHeaderBytes + ((high << 16) | (middle << 8) | low);
    return this.#messageBytes + recordHeaderBytes > this.#bytesMax ? { kind: 'too-large' } : undefined;
  }

  /** Returns the offset where the current fragment can change the answer: at its end, at the message's end, or
   *  during the handshake header at the next byte. */
  #fragmentEnd(): number {
    if (this.#messageBytes === Infinity) return this.#at + 1;
    return Math.min(this.#recordEnd, this.#at + this.#messageBytes - this.#handshakeBytes);
  }

  #waitOrRefuse(wire: Uint8Array, needed: number): ClientHelloProgress {
    this.#needed = Math.min(needed, this.#bytesMax);
    return { kind: wire.length >= this.#bytesMax ? 'too-large' : 'incomplete' };
  }

  /** Returns the handshake message in one piece, without a copy when it came in one record. */
  #message(wire: Uint8Array): Uint8Array {
    if (this.#fragments.length === 2) return wire.subarray(this.#fragments[0], this.#fragments[1]);
    const message = new Uint8Array(this.#handshakeBytes);
    let filled = 0;
    for (let index = 0; index < this.#fragments.length; index += 2) {
      const fragment = wire.subarray(this.#fragments[index], this.#fragments[index + 1]);
      message.set(fragment, filled);
      filled += fragment.length;
    }
    return message;
  }
}

function payloadLength(wire: Uint8Array, header: number): number {
  return (wire[header + 3]! << 8) | wire[header + 4]!;
}
