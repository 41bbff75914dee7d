import { protectedHeader } from './attestation.ts';

/** The attestation for carriers that count bytes: the same JWS without base64url, a third smaller.
 *
 *      1 byte   version of this form: 1
 *      1 byte   length of the key id
 *      n bytes  key id
 *      64 bytes Ed25519 signature
 *      the rest payload (JSON)
 *
 *  The protected header is not carried: it follows from the key id. So packing loses nothing, the receiver unpacks to
 *  the very JWS that was signed, and there is one verifier. */
const packedVersion = 1;
const signatureBytes = 64;

/** Undefined when the JWS has another header than the one attestations have. */
export function packAttestation(jws: string): Uint8Array | undefined {
  const [header = '', payload = '', signature = '', ...more] = jws.split('.');
  const kid = keyIdOf(header);
  const signed = Buffer.from(signature, 'base64url');
  if (kid === undefined || more.length > 0 || signed.length !== signatureBytes) return undefined;
  const packed = Buffer.concat([
    Buffer.of(packedVersion, kid.length),
    Buffer.from(kid, 'latin1'),
    signed,
    Buffer.from(payload, 'base64url'),
  ]);
  return unpackAttestation(packed) === jws ? packed : undefined;
}

/** The JWS that was packed; undefined when the bytes have another form. Says nothing about the signature. */
export function unpackAttestation(packed: Uint8Array): string | undefined {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const payloadStart = 2 + (bytes[1] ?? 0) + signatureBytes;
  if (bytes[0] !== packedVersion || bytes.length <= payloadStart) return undefined;
  const kid = bytes.toString('latin1', 2, payloadStart - signatureBytes);
  const signature = bytes.toString('base64url', payloadStart - signatureBytes, payloadStart);
  return `${protectedHeader(kid)}.${bytes.toString('base64url', payloadStart)}.${signature}`;
}

function keyIdOf(header: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    const { kid } = parsed as { kid?: unknown };
    return typeof kid === 'string' && kid.length <= 0xff ? kid : undefined;
  } catch {
    return undefined;
  }
}
