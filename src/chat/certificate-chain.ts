/** The gatekeeper's certificate chain: a configured root key signs an intermediate, which signs the leaf, which has
 *  the server's static Noise key. */
import { timingSafeEqual } from 'node:crypto';
import { ChatError, type HandshakeErrorCode } from './error.ts';
import { readFields } from './protobuf.ts';
import { verifyXeddsa } from './xeddsa.ts';

/** The values that a chain is verified against. */
export interface ChainExpectation {
  /** Curve25519 public key of the root, 32 bytes. */
  readonly rootKey: Uint8Array;
  /** The root's serial number. */
  readonly rootSerial: number;
  /** The server's static key, as the handshake decrypted it, in 32 bytes. */
  readonly staticKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Certificate {
  /** The signed bytes, as received. */
  readonly details: Buffer;
  readonly signature: Buffer;
  readonly serial: bigint;
  readonly issuerSerial: bigint;
  readonly key: Buffer;
  /** Seconds since 1970. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

const format = 'ERR_CHAT_CERTIFICATE_FORMAT';

/** Verifies a whole chain.
 *  @param chain protobuf `CertChain { 1: leaf, 2: intermediate }`
 *  @returns the end of its validity, in seconds since 1970
 *  @throws ChatError ERR_CHAT_CERTIFICATE_… */
export function checkCertificateChain(chain: Uint8Array, expectation: ChainExpectation): bigint {
  const { bytes } = readFields(chain, { 1: 'bytes', 2: 'bytes' }, format);
  const leaf = readCertificate(required(bytes.get(1)));
  const intermediate = readCertificate(required(bytes.get(2)));
  refuseUnless(intermediate.issuerSerial === BigInt(expectation.rootSerial), 'ERR_CHAT_CERTIFICATE_ISSUER');
  refuseUnless(leaf.issuerSerial === intermediate.serial, 'ERR_CHAT_CERTIFICATE_SERIAL');
  refuseUnless(isSignedBy(expectation.rootKey, intermediate), 'ERR_CHAT_CERTIFICATE_ROOT');
  refuseUnless(isSignedBy(intermediate.key, leaf), 'ERR_CHAT_CERTIFICATE_LEAF');
  refuseUnless(timingSafeEqual(leaf.key, expectation.staticKey), 'ERR_CHAT_CERTIFICATE_KEY');
  const now = BigInt(Math.floor(expectation.now / 1000));
  for (const { notBefore, notAfter } of [intermediate, leaf]) {
    refuseUnless(now >= notBefore, 'ERR_CHAT_CERTIFICATE_NOT_YET');
    refuseUnless(now <= notAfter, 'ERR_CHAT_CERTIFICATE_EXPIRED');
  }
  return leaf.notAfter < intermediate.notAfter ? leaf.notAfter : intermediate.notAfter;
}

/** Parses `{ 1: details { 1: serial, 2: issuer's serial, 3: key, 4: not before, 5: not after }, 2: signature }`.
 *  Absent numbers are 0.
 *  @throws ChatError ERR_CHAT_CERTIFICATE_FORMAT */
function readCertificate(certificate: Uint8Array): Certificate {
  const { bytes } = readFields(certificate, { 1: 'bytes', 2: 'bytes' }, format);
  const details = required(bytes.get(1));
  const signature = required(bytes.get(2));
  const known = { 1: 'number', 2: 'number', 3: 'bytes', 4: 'number', 5: 'number' } as const;
  const fields = readFields(details, known, format);
  const key = required(fields.bytes.get(3));
  if (key.length !== 32 || signature.length !== 64) throw new ChatError(format);
  const number = (field: number): bigint => fields.numbers.get(field) ?? 0n;
  return {
    details,
    signature,
    serial: number(1),
    issuerSerial: number(2),
    key,
    notBefore: number(4),
    notAfter: number(5),
  };
}

function isSignedBy(key: Uint8Array, { details, signature }: Certificate): boolean {
  return verifyXeddsa(key, details, signature);
}

function required(bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) throw new ChatError(format);
  return bytes;
}

function refuseUnless(holds: boolean, code: HandshakeErrorCode): void {
  if (!holds) throw new ChatError(code);
}
