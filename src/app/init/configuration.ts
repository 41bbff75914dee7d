/** The files that `narthex init` writes: a configuration with the sections of a first proxy, and the files that it
 *  names. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { domainToASCII, fileURLToPath } from 'node:url';
import { createDevelopmentAuthority } from '../../simulator/certificates.ts';
import type { NewFile } from './write.ts';

export interface InitOptions {
  /** The domain that clients ask for, in lower case. */
  readonly domain: string;
  /** `host:port` of the gatekeeper's server, and how TLS starts there. */
  readonly gatekeeper: string;
  readonly gatekeeperTls: 'starttls' | 'direct';
  /** TCP ports: clients by STARTTLS, clients by direct TLS, probes and metrics. */
  readonly port: number;
  readonly tlsPort: number;
  readonly adminPort: number;
  /** Whether to make an authority and a certificate of it. */
  readonly devCertificates: boolean;
}

/** Days that a development certificate is valid for. */
export const devCertificateDays = 90;

/** Bytes of the secret of pseudonyms. */
const secretBytes = 32;

const certFile = 'certificates/tls.crt';
const keyFile = 'keys/tls.key';
const authorityFile = 'certificates/authority.crt';
const secretFile = 'keys/pseudonyms';

/** Returns every file with a path relative to the folder of the configuration; secrets and certificates are new in
 *  each call. */
export function initialFiles(options: InitOptions): readonly NewFile[] {
  return [
    { path: 'narthex.yaml', content: configuration(options), secret: false },
    { path: 'capabilities/content-kinds.yaml', content: shipped('content-kinds.yaml'), secret: false },
    { path: 'capabilities/profiles/clients.yaml', content: profile(), secret: false },
    { path: secretFile, content: randomBytes(secretBytes), secret: true },
    ...(options.devCertificates ? certificates(options.domain) : []),
  ];
}

function certificates(domain: string): readonly NewFile[] {
  const validity = { days: devCertificateDays };
  const authority = createDevelopmentAuthority(validity);
  const { certificate, key } = authority.issue([domainToASCII(domain), 'localhost', '127.0.0.1'], validity);
  return [
    { path: authorityFile, content: authority.certificate, secret: false },
    { path: certFile, content: certificate, secret: false },
    { path: keyFile, content: key, secret: true },
  ];
}

/** Returns the text of a shipped document without the reference to its schema, whose path would be wrong. */
function shipped(path: string): string {
  const file = fileURLToPath(new URL(`../../../policies/${path}`, import.meta.url));
  return readFileSync(file, 'utf8').replace(/^# yaml-language-server:.*\n/, '');
}

/** Returns the shipped profile that advertises each client as it declares itself, for all clients and every kind. */
function profile(): string {
  return shipped('capabilities/as-declared.yaml')
    .replace(/^(#.*\n)*/, profileComment)
    .replace(/^match:.*\n/m, '')
    .replaceAll('as-declared', 'clients')
    .replace(/^receives:\n/m, 'receives:\n  poll: true\n');
}

const profileComment = `# What clients are shown to be able to do: what each says of itself. So they differ from each other; policies/capabilities of
# the source has profiles under which all clients look alike.
`;

function configuration(options: InitOptions): string {
  const { domain, gatekeeper, gatekeeperTls, port, tlsPort, adminPort, devCertificates } = options;
  return `# Written by \`narthex init\`. deploy/examples/narthex.yaml shows every key with its default.
apiVersion: narthex/v1
kind: Proxy

# Ports that clients connect to.
listeners:
  - { name: clients, port: ${port}, tls: starttls }
  - { name: clients-direct, port: ${tlsPort}, tls: direct }

# Shown to clients. ${
    devCertificates
      ? `A development certificate, valid for ${devCertificateDays} days: replace it before people depend on it.`
      : 'Put the certificate of the domain and its key there.'
  }
certificates:
  - { certFile: ${certFile}, keyFile: ${keyFile} }

domains:
  - { domain: '${domain}', gatekeeper: main }

# The messaging server behind the proxy.
gatekeepers:
  - name: main
    connect: { address: '${gatekeeper}', tls: ${gatekeeperTls} }
${devCertificates ? `    caFile: ${authorityFile} # without it, the public authorities are trusted\n` : ''}
# What each party sees: \`narthex policy explain balanced\`. The secret keeps pseudonyms the same over restarts.
policy:
  file: balanced
  keyFiles: [${secretFile}]

# What clients are shown to be able to do.
capabilities:
  contentKinds: capabilities/content-kinds.yaml
  profiles: capabilities/profiles

# Probes and metrics, for this machine only.
admin: { host: 127.0.0.1, port: ${adminPort} }
`;
}
