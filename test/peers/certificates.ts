/**
 * Certificates for the real peers: a throw-away authority and server certificates signed by it (RFC 5280, P-256).
 * Node makes keys and signatures but no certificates, so the few DER structures are written out here.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** PEM texts. `chain` is the server's certificate followed by the authority's. */
export interface TestCertificates {
  readonly authority: string;
  readonly chain: string;
  readonly key: string;
}

interface Party {
  readonly name: string;
  readonly publicKey: KeyObject;
}

/**
 * A new authority and one server certificate valid for every name in `domains`, now and for two days.
 * Nothing is kept: a second call makes an authority that knows nothing of the first.
 */
export function issueCertificates(domains: readonly [string, ...string[]]): TestCertificates {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: 'Test authority', publicKey: authority.publicKey };
  const subject = { name: domains[0], publicKey: server.publicKey };

  const authorityPem = pem(certificate(issuer, issuer, authority.privateKey, authorityExtensions));
  const serverPem = pem(certificate(subject, issuer, authority.privateKey, serverExtensions(domains)));
  return {
    authority: authorityPem,
    chain: serverPem + authorityPem,
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

const dayMs = 24 * 60 * 60 * 1000;

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
  keyIdentifier: 0x80,
} as const;

const identifiers = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectKeyIdentifier: [0x55, 0x1d, 0x0e],
  keyUsage: [0x55, 0x1d, 0x0f],
  subjectAlternativeName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  authorityKeyIdentifier: [0x55, 0x1d, 0x23],
} as const;

const signatureAlgorithm = sequence(der(tags.objectIdentifier, Buffer.from(identifiers.ecdsaWithSha256)));

const critical = der(tags.boolean, Buffer.from([0xff]));

const authorityExtensions = [
  extension(identifiers.basicConstraints, critical, sequence(der(tags.boolean, Buffer.from([0xff])))),
  // keyCertSign, the only usage an authority needs here.
  extension(identifiers.keyUsage, critical, der(tags.bitString, Buffer.from([0x02, 0x04]))),
];

function serverExtensions(domains: readonly string[]): Buffer[] {
  const names = sequence(...domains.map((domain) => der(tags.dnsName, Buffer.from(domain, 'ascii'))));
  return [extension(identifiers.subjectAlternativeName, names)];
}

/** RFC 5280 §4.1: TBSCertificate, the algorithm, the signature over it. */
function certificate(subject: Party, issuer: Party, key: KeyObject, extensions: readonly Buffer[]): Buffer {
  const toBeSigned = sequence(
    der(tags.version, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    signatureAlgorithm,
    distinguishedName(issuer.name),
    sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(tags.extensions, sequence(...extensions, ...keyIdentifiers(subject, issuer))),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, key)]);
  return sequence(toBeSigned, signatureAlgorithm, der(tags.bitString, signature));
}

/** Strict verifiers want both keys named, RFC 5280 §4.2.1.1 and §4.2.1.2. */
function keyIdentifiers(subject: Party, issuer: Party): Buffer[] {
  return [
    extension(identifiers.subjectKeyIdentifier, der(tags.octetString, keyIdentifier(subject))),
    extension(identifiers.authorityKeyIdentifier, sequence(der(tags.keyIdentifier, keyIdentifier(issuer)))),
  ];
}

function keyIdentifier({ publicKey }: Party): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function distinguishedName(name: string): Buffer {
  const identifier = der(tags.objectIdentifier, Buffer.from(identifiers.commonName));
  return sequence(der(tags.set, sequence(identifier, der(tags.utf8String, Buffer.from(name)))));
}

/** GeneralizedTime, `YYYYMMDDHHMMSSZ`. */
function time(milliseconds: number): Buffer {
  const text = new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(tags.generalizedTime, Buffer.from(text, 'ascii'));
}

function extension(identifier: readonly number[], ...rest: readonly Buffer[]): Buffer {
  const flags = rest.slice(0, -1);
  const value = der(tags.octetString, rest.at(-1)!);
  return sequence(der(tags.objectIdentifier, Buffer.from(identifier)), ...flags, value);
}

function sequence(...items: readonly Buffer[]): Buffer {
  return der(tags.sequence, Buffer.concat(items));
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

/** X.690 §8.1.3: one byte below 128, else a count of bytes and the bytes. */
function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  return bytes < 0x100 ? Buffer.from([0x81, bytes]) : Buffer.from([0x82, bytes >> 8, bytes & 0xff]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
