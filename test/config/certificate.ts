/** Certificates for tests, written out in DER (RFC 5280 §4.1): self-signed, ECDSA P-256 with SHA-256. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;

/** A certificate signed by its own key, for these names. @param dates milliseconds since 1970. */
export function issue(
  names: readonly string[],
  { from = Date.now() - dayMs, to = Date.now() + 30 * dayMs }: { from?: number; to?: number } = {},
): IssuedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(names[0] ?? 'test')))));
  const algorithm = der(0x30, oid('2a8648ce3d040302'));
  const alternatives = der(0x30, ...names.map((host) => der(0x82, Buffer.from(host))));
  const extension = der(0x30, oid('551d11'), der(0x04, alternatives));
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    name,
    der(0x30, time(from), time(to)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension)),
  );
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, privateKey));
  return {
    cert: pem('CERTIFICATE', der(0x30, body, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A private key that asks for a passphrase. */
export function lockedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** GeneralizedTime, to the second. */
function time(milliseconds: number): Buffer {
  return der(
    0x18,
    Buffer.from(`${new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`),
  );
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
