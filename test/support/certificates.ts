/** Certificates for tests: a throw-away authority and what it issues (RFC 5280; the XMPP names of RFC 6120
 *  §13.7.1). Written out by hand so that a test can issue exactly the certificate it wants to see refused. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  bitString,
  boolean,
  context,
  contextPrimitive,
  ia5String,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** A certificate and its private key, PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** What to issue. Everything has a default that makes a valid server certificate without any name. */
export interface CertificateRequest {
  /** dNSName entries; `*.example.org` is a wildcard. */
  readonly dns?: readonly string[];
  /** SRVName entries (RFC 4985), e.g. `_xmpp-client.example.org`. */
  readonly srv?: readonly string[];
  /** iPAddress entries, IPv4. */
  readonly ipv4?: readonly string[];
  /** XmppAddr entries (RFC 6120 §13.7.1.4). */
  readonly xmppAddr?: readonly string[];
  readonly commonName?: string;
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in 30 days. */
  readonly notAfter?: Date;
  readonly usage?: 'server' | 'client';
}

/** A certificate authority with a key of its own. */
export interface Authority {
  /** The authority's certificate, PEM. */
  readonly cert: string;
  issue(request: CertificateRequest): Issued;
  /** An authority whose own certificate this one signed. */
  intermediate(commonName: string): Authority;
}

/** A self-signed authority. Two calls with one name make two authorities that do not know each other.
 *  @param signs with ECDSA or RSA, both over SHA-256; the key of each certificate that it issues is of the same kind */
export function createAuthority(
  commonName = 'Narthex test authority',
  signs: keyof typeof signatures = 'ecdsa',
): Authority {
  const keys = signatures[signs].newKeys();
  const self: Signer = {
    signature: signatures[signs],
    name: distinguishedName(commonName),
    key: keys.privateKey,
    id: keyId(keys.publicKey),
  };
  return authority(self, certificate(self, authorityTemplate(self.name, keys.publicKey)));
}

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Signatures over SHA-256 (RFC 5758 §3.2, RFC 4055 §5), and keys for them. */
const signatures = {
  ecdsa: {
    algorithm: sequence(oid('1.2.840.10045.4.3.2')),
    newKeys: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  },
  rsa: {
    algorithm: sequence(oid('1.2.840.113549.1.1.11'), nothing()),
    newKeys: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  },
};

interface Signer {
  readonly signature: (typeof signatures)[keyof typeof signatures];
  readonly name: Buffer;
  readonly key: KeyObject;
  readonly id: Buffer;
}

interface Template {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
}

function authority(self: Signer, cert: string): Authority {
  return {
    cert,
    issue(request) {
      const keys = self.signature.newKeys();
      return { cert: certificate(self, leafTemplate(request, keys.publicKey)), key: pkcs8(keys.privateKey) };
    },
    intermediate(commonName) {
      const { signature } = self;
      const keys = signature.newKeys();
      const name = distinguishedName(commonName);
      const next: Signer = { signature, name, key: keys.privateKey, id: keyId(keys.publicKey) };
      return authority(next, certificate(self, authorityTemplate(name, keys.publicKey)));
    },
  };
}

function authorityTemplate(subject: Buffer, publicKey: KeyObject): Template {
  return {
    subject,
    publicKey,
    ...validity({}),
    extensions: [
      extension('2.5.29.19', true, sequence(boolean(true))),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension('2.5.29.15', true, bitString(Buffer.from([0x06]), 1)),
    ],
  };
}

function leafTemplate(request: CertificateRequest, publicKey: KeyObject): Template {
  const usage = request.usage === 'client' ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1';
  const names = subjectAltNames(request);
  return {
    subject: request.commonName === undefined ? sequence() : distinguishedName(request.commonName),
    publicKey,
    ...validity(request),
    extensions: [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
      extension('2.5.29.37', false, sequence(oid(usage))),
      // RFC 5280 §4.2.1.6: critical when the subject is empty.
      ...(names.length === 0
        ? []
        : [extension('2.5.29.17', request.commonName === undefined, sequence(...names))]),
    ],
  };
}

function subjectAltNames({ dns = [], srv = [], ipv4 = [], xmppAddr = [] }: CertificateRequest): Buffer[] {
  return [
    ...dns.map((name) => contextPrimitive(2, Buffer.from(name, 'latin1'))),
    ...srv.map((name) => otherName('1.3.6.1.5.5.7.8.7', ia5String(name))),
    ...xmppAddr.map((name) => otherName('1.3.6.1.5.5.7.8.5', utf8String(name))),
    ...ipv4.map((address) => contextPrimitive(7, Buffer.from(address.split('.').map(Number)))),
  ];
}

function otherName(type: string, value: Buffer): Buffer {
  return context(0, oid(type), context(0, value));
}

function validity(request: CertificateRequest): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: request.notBefore ?? new Date(now - hourMs),
    notAfter: request.notAfter ?? new Date(now + 30 * dayMs),
  };
}

function certificate(issuer: Signer, template: Template): string {
  const { algorithm } = issuer.signature;
  const identifiers = [
    extension('2.5.29.14', false, octetString(keyId(template.publicKey))),
    extension('2.5.29.35', false, sequence(contextPrimitive(0, issuer.id))),
  ];
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer.name,
    sequence(time(template.notBefore), time(template.notAfter)),
    template.subject,
    template.publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...template.extensions, ...identifiers)),
  );
  return pem('CERTIFICATE', sequence(body, algorithm, bitString(sign('sha256', body, issuer.key))));
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
