import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { asBuffer } from './as-buffer.ts';
import { protectedHeader } from './attestation-header.ts';

/** An attestation in less than half the space of its JWS, for carriers that count bytes: a PROXY header with it fits
 *  the first segment of any path.
 *
 *    1 byte   version of this form: 1
 *    1 byte   length of the key id
 *    n bytes  key id
 *    64 bytes Ed25519 signature
 *    the rest payload (JSON), raw DEFLATE (RFC 1951) with the preset dictionary below
 *
 *  The protected header is left out: it follows from the key id. The receiver unpacks the exact JWS that was signed,
 *  so one verifier serves all carriers. */
const packedVersion = 1;

/** Default type of the PROXY protocol field with the attestation. It is in the range for custom types, 0xE0 to 0xEF
 *  (proxy-protocol.txt §2.2.8), and no known sender uses it: 0xE0 is Google's, 0xEA Amazon's, 0xEE Microsoft's, and
 *  0xE1 to 0xE5 are in examples of HAProxy and its JA4 scripts. */
export const attestationTypeDefault = 0xec;

const signatureBytes = 64;
/** Largest payload, and with it the most bytes that a hostile sender can make a receiver inflate. */
const payloadBytesMax = 4096;

/** Texts that payloads have in common, the most frequent last. Part of version 1: it never changes. */
export const packingDictionary = Buffer.from(
  '"},"client_ip":{"address":""},"round_trip":{"tcp_ms":0,"tls_ms":0,"absent":"syncookie"behind-lb"unsupported"' +
    'not-tls"parse-error"disabled"obligation"balancer","distance":64+0:0:1440:65535,mtu*mss*44,8:mss,nop,ws,nop,nop,' +
    'sok:128+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:flow:0:df,id+:0","ja4_stable":"t12i00_t13d1516h2_' +
    '{"iss":"https://example","aud":"","iat":17,"exp":17,"jti":"","cnf":{"tls-exporter":"x5t#S256":""},"policy":"",' +
    '"signals":{"tcp":{"p0f":"4:64+","observed_by":"edge","necessity":"anti-abuse"},"tls":{"ja4":"t13d',
);

/** Packs a JWS.
 *  @returns undefined when its header is not that of attestations, or its payload exceeds 4 KiB */
export function packAttestation(jws: string): Uint8Array | undefined {
  const [header = '', payload = '', signature = '', ...more] = jws.split('.');
  const kid = keyIdOf(header);
  const signed = Buffer.from(signature, 'base64url');
  if (kid === undefined || more.length > 0 || signed.length !== signatureBytes) return undefined;
  const packed = Buffer.concat([
    Buffer.of(packedVersion, kid.length),
    Buffer.from(kid, 'latin1'),
    signed,
    deflateRawSync(Buffer.from(payload, 'base64url'), { dictionary: packingDictionary, level: 9 }),
  ]);
  return unpackAttestation(packed) === jws ? packed : undefined;
}

/** Unpacks a JWS without verifying its signature.
 *  @returns undefined when the bytes have another form */
export function unpackAttestation(packed: Uint8Array): string | undefined {
  const bytes = asBuffer(packed);
  const payloadStart = 2 + (bytes[1] ?? 0) + signatureBytes;
  if (bytes[0] !== packedVersion || bytes.length <= payloadStart) return undefined;
  const kid = bytes.toString('latin1', 2, payloadStart - signatureBytes);
  const signature = bytes.toString('base64url', payloadStart - signatureBytes, payloadStart);
  const payload = inflate(bytes.subarray(payloadStart));
  return payload && `${protectedHeader(kid)}.${payload.toString('base64url')}.${signature}`;
}

function inflate(bytes: Uint8Array): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { dictionary: packingDictionary, maxOutputLength: payloadBytesMax });
  } catch {
    return undefined;
  }
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
