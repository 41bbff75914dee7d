/** A load balancer that shares a secret with the proxy, written after docs/behind-a-balancer.md. */
import { createHmac } from 'node:crypto';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** 192.0.2.77:40000 to 198.51.100.2:5222. */
export const clientAddresses = Buffer.from('c000024dc63364029c401466', 'hex');

export function field(type: number, value: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 0xff), Buffer.from(value)]);
}

export interface SignedHeader {
  readonly key: string | Uint8Array;
  readonly before?: readonly Buffer[];
  readonly after?: readonly Buffer[];
  readonly type?: number;
  readonly addresses?: Uint8Array;
}

/** A header of version 2 whose HMAC stands between the fields `before` and those `after`. */
export function signedHeader({
  key,
  before = [],
  after = [],
  type = 0xed,
  addresses = clientAddresses,
}: SignedHeader): Buffer {
  const hmacBytes = 32;
  const tail = Buffer.concat(after);
  const payload = Buffer.concat([addresses, ...before]);
  const length = payload.length + 3 + hmacBytes + tail.length;
  const covered = Buffer.concat([signature, Buffer.of(0x21, 0x11, length >> 8, length & 0xff), payload]);
  const hmac = createHmac('sha256', key).update(covered).digest();
  return Buffer.concat([covered, field(type, hmac), tail]);
}

/** The same header without an HMAC. */
export function unsignedHeader(fields: readonly Buffer[]): Buffer {
  const payload = Buffer.concat([clientAddresses, ...fields]);
  return Buffer.concat([
    signature,
    Buffer.of(0x21, 0x11, payload.length >> 8, payload.length & 0xff),
    payload,
  ]);
}
