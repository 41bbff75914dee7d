/** Makes development certificates (RFC 5280): an authority, and certificates under it, ECDSA P-256, as PEM strings.
 *  Node cannot make certificates; a small DER writer replaces a library. The caller writes files. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import {
  bitString,
  boolean,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts';

export interface CertificateOptions {
  /** Start of the validity, less an hour for slow clocks. Default: now. */
  readonly now?: Date;
  /** Days of validity. Default: 7. */
  readonly days?: number;
}

/** A certificate and its key as PEM strings. */
export interface CertificatePair {
  readonly certificate: string;
  /** PKCS #8, unencrypted. */
  readonly key: string;
}

export interface DevelopmentAuthority {
  /** PEM of the authority's certificate, which clients must trust. */
  readonly certificate: string;
  /** Makes a certificate for DNS names and IP addresses, for servers and for clients (mutual TLS). */
  issue(names: readonly [string, ...string[]], options?: CertificateOptions): CertificatePair;
}

/** Makes a new authority. Only its `issue` can use its key. */
export function createDevelopmentAuthority(options: CertificateOptions = {}): DevelopmentAuthority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer: Issuer = { name: 'Narthex development authority', publicKey, privateKey };
  const extensions = [
    extension('basicConstraints', true, sequence(boolean(true))),
    // keyCertSign and cRLSign.
    extension('keyUsage', true, bitString(Buffer.from([0b0000_0110]), 1)),
  ];
  return {
    certificate: signCertificate(issuer, { name: issuer.name, publicKey, extensions }, options),
    issue(names, issueOptions = {}) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const leaf = { name: names[0], publicKey: keys.publicKey, extensions: leafExtensions(names) };
      return {
        certificate: signCertificate(issuer, leaf, issueOptions),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

interface Issuer {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Subject {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

/** Object identifiers of RFC 5280 §4.2.1. */
const extensionIds = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

function signCertificate(issuer: Issuer, subject: Subject, options: CertificateOptions): string {
  const now = options.now ?? new Date();
  const validity = sequence(
    time(new Date(now.getTime() - hourMs)),
    time(new Date(now.getTime() + (options.days ?? 7) * dayMs)),
  );
  const identifiers = [
    extension('subjectKeyIdentifier', false, octetString(keyIdentifier(subject.publicKey))),
    extension(
      'authorityKeyIdentifier',
      false,
      sequence(tagged(0, keyIdentifier(issuer.publicKey), 'primitive')),
    ),
  ];
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2])), 'constructed'),
    integer(serialNumber()),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    validity,
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...subject.extensions, ...identifiers), 'constructed'),
  );
  const signature = sign('sha256', toBeSigned, issuer.privateKey);
  return pem(sequence(toBeSigned, ecdsaWithSha256, bitString(signature)));
}

function leafExtensions(names: readonly string[]): Buffer[] {
  const serverAuth = objectIdentifier('1.3.6.1.5.5.7.3.1');
  const clientAuth = objectIdentifier('1.3.6.1.5.5.7.3.2');
  return [
    extension('basicConstraints', true, sequence()),
    // digitalSignature.
    extension('keyUsage', true, bitString(Buffer.from([0b1000_0000]), 7)),
    extension('extendedKeyUsage', false, sequence(serverAuth, clientAuth)),
    extension('subjectAltName', false, sequence(...names.map(generalName))),
  ];
}

function extension(name: keyof typeof extensionIds, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [boolean(true)] : [];
  return sequence(objectIdentifier(extensionIds[name]), ...flag, octetString(value));
}

/** Encodes a name (RFC 5280 §4.2.1.6): dNSName is `[2]`, iPAddress `[7]`. */
function generalName(name: string): Buffer {
  if (isIPv4(name)) return tagged(7, Buffer.from(name.split('.').map(Number)), 'primitive');
  if (isIPv6(name)) return tagged(7, ipv6Octets(name), 'primitive');
  return tagged(2, Buffer.from(name, 'ascii'), 'primitive');
}

function ipv6Octets(text: string): Buffer {
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const [left, right] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - left!.length - (right?.length ?? 0)).fill('0');
  const groups = right === undefined ? left! : [...left!, ...zeros, ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Encodes one common name of at most 64 characters (RFC 5280 Appendix A). */
function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName.slice(0, 64)))));
}

/** Returns the key identifier of RFC 5280 §4.2.1.2, method 1: SHA-1 of the public key bits, the last 65 octets of
 *  the SubjectPublicKeyInfo. */
function keyIdentifier(key: KeyObject): Buffer {
  const point = key.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha1').update(point).digest();
}

/** Returns a random serial number of 16 octets, the first neither zero nor negative. */
function serialNumber(): Buffer {
  const octets = randomBytes(16);
  octets[0] = (octets[0]! & 0x7f) | 0x40;
  return octets;
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
