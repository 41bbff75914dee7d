/** What `narthex check` looks at beyond the text: whether certificates and keys are what the file says they are.
 *  Reads files, opens no socket. */
import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { domainToASCII } from 'node:url';
import type { LoadedConfig } from './load.ts';
import {
  type ConfigErrorCode,
  type ConfigPath,
  type ConfigProblem,
  configErrors,
  formatPath,
} from './problem.ts';
import type { CertificateConfig, GatekeeperConfig } from './schema.ts';

/** A certificate as an operator wants to see it. */
export interface CertificateSummary {
  readonly certFile: string;
  /** Names it is valid for, as written in it. */
  readonly names: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** Served domains it would be presented for. */
  readonly domains: readonly string[];
}

export interface Verification {
  readonly certificates: readonly CertificateSummary[];
  /** Errors and warnings, in no particular order. */
  readonly problems: readonly ConfigProblem[];
}

/** Verifies every certificate, key and authority. @param now milliseconds since 1970. */
export async function verifyFiles(loaded: LoadedConfig, now: number): Promise<Verification> {
  const problems: ConfigProblem[] = [];
  const report: Report = (code, path, message, severity = 'error') => {
    const place = loaded.places.value(path);
    problems.push({
      severity,
      code,
      path: formatPath(path),
      place,
      message,
      wayOut: configErrors[code].wayOut,
    });
  };
  const served = loaded.config.domains.map(({ domain }) => domain);
  const certificates: CertificateSummary[] = [];
  for (const [index, entry] of loaded.config.certificates.entries()) {
    const files = { cert: entry.certFile, certPath: ['certificates', index, 'certFile'] };
    const chain = await verifyPair(
      { ...files, key: entry.keyFile, keyPath: ['certificates', index, 'keyFile'] },
      now,
      report,
    );
    const leaf = chain[0];
    if (leaf !== undefined) certificates.push(summary(entry, leaf, served));
  }
  for (const [index, gatekeeper] of loaded.config.gatekeepers.entries())
    await verifyGatekeeper(gatekeeper, index, now, report);
  const covered = new Set(certificates.flatMap(({ domains }) => domains));
  for (const [index, domain] of served.entries()) {
    if (covered.has(domain)) continue;
    report(
      'ERR_CONFIG_CERTIFICATE_DOMAIN',
      ['domains', index, 'domain'],
      `no certificate covers \`${domain}\``,
      'warning',
    );
  }
  return { certificates, problems };
}

type Report = (
  code: ConfigErrorCode,
  path: ConfigPath,
  message: string,
  severity?: 'error' | 'warning',
) => void;

interface Pair {
  readonly cert: string;
  readonly certPath: ConfigPath;
  readonly key: string;
  readonly keyPath: ConfigPath;
}

/** The chain, certificate first; empty when it cannot be read. */
async function verifyPair(pair: Pair, now: number, report: Report): Promise<readonly X509Certificate[]> {
  const chain = await readCertificates(pair.cert, pair.certPath, report);
  const key = await readKey(pair.key, pair.keyPath, report);
  const leaf = chain[0];
  if (leaf === undefined) return chain;
  for (const certificate of chain) verifyDates(certificate, pair.cert, pair.certPath, now, report);
  if (key === undefined) return chain;
  if (!leaf.checkPrivateKey(key))
    report('ERR_CONFIG_KEY_MISMATCH', pair.keyPath, `${pair.key} is not the key of ${pair.cert}`);
  else verifyContext(chain, key, pair, report);
  return chain;
}

/** The last word has the TLS library: keys too small and digests too weak are refused by it, not here. */
function verifyContext(chain: readonly X509Certificate[], key: KeyObject, pair: Pair, report: Report): void {
  try {
    createSecureContext({
      cert: chain.map(String).join(''),
      key: key.export({ type: 'pkcs8', format: 'pem' }),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    report('ERR_CONFIG_CERTIFICATE', pair.certPath, `TLS refuses ${pair.cert} (${code ?? 'unknown reason'})`);
  }
}

async function verifyGatekeeper(
  gatekeeper: GatekeeperConfig,
  index: number,
  now: number,
  report: Report,
): Promise<void> {
  const { caFile, clientCertFile: cert, clientKeyFile: key } = gatekeeper;
  const path = (name: string): ConfigPath => ['gatekeepers', index, name];
  if (caFile !== undefined) {
    const authorities = await readCertificates(caFile, path('caFile'), report);
    for (const authority of authorities) verifyDates(authority, caFile, path('caFile'), now, report);
  }
  if (cert === undefined || key === undefined) return;
  await verifyPair(
    { cert, certPath: path('clientCertFile'), key, keyPath: path('clientKeyFile') },
    now,
    report,
  );
}

function verifyDates(
  certificate: X509Certificate,
  file: string,
  path: ConfigPath,
  now: number,
  report: Report,
): void {
  if (certificate.validToDate.getTime() < now)
    report(
      'ERR_CONFIG_CERTIFICATE_DATES',
      path,
      `${file} expired on ${certificate.validToDate.toISOString()}`,
    );
  if (certificate.validFromDate.getTime() > now)
    report(
      'ERR_CONFIG_CERTIFICATE_DATES',
      path,
      `${file} is not valid before ${certificate.validFromDate.toISOString()}`,
    );
}

async function readCertificates(
  file: string,
  path: ConfigPath,
  report: Report,
): Promise<readonly X509Certificate[]> {
  const text = await readText(file, path, report);
  if (text === undefined) return [];
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const chain = blocks.map((block) => new X509Certificate(block));
    if (chain.length === 0)
      report('ERR_CONFIG_CERTIFICATE', path, `${file} holds no certificate in PEM form`);
    return chain;
  } catch {
    report('ERR_CONFIG_CERTIFICATE', path, `${file} holds a certificate that cannot be parsed`);
    return [];
  }
}

async function readKey(file: string, path: ConfigPath, report: Report): Promise<KeyObject | undefined> {
  const text = await readText(file, path, report);
  if (text === undefined) return undefined;
  try {
    return createPrivateKey(text);
  } catch {
    // Why is not told: messages of the library could quote the file.
    report('ERR_CONFIG_KEY', path, `${file} holds no private key that can be read without a passphrase`);
    return undefined;
  }
}

async function readText(file: string, path: ConfigPath, report: Report): Promise<string | undefined> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    report('ERR_CONFIG_FILE', path, `${file} cannot be read (${code ?? 'unknown reason'})`);
    return undefined;
  }
}

function summary(
  entry: CertificateConfig,
  leaf: X509Certificate,
  served: readonly string[],
): CertificateSummary {
  return {
    certFile: entry.certFile,
    names: leaf.subjectAltName ?? '',
    notAfter: leaf.validToDate.toISOString(),
    domains: served.filter((domain) => covers(entry, leaf, domain)),
  };
}

function covers({ domains }: CertificateConfig, leaf: X509Certificate, domain: string): boolean {
  const ascii = domainToASCII(domain);
  const listed = domains?.some((name) => domainToASCII(name) === ascii) ?? true;
  return listed && leaf.checkHost(ascii, { subject: 'never' }) !== undefined;
}
