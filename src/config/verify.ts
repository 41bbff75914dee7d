/** Verifies for `narthex check` the certificates and keys that the configuration names. Reads files, opens no
 *  socket. */
import type { X509Certificate } from 'node:crypto';
import { domainToASCII } from 'node:url';
import type { LoadedConfig } from './load.ts';
import { configErrors } from '../errors/config.ts';
import { type ConfigProblem, formatPath } from './problem.ts';
import type { CertificateConfig } from './schema.ts';
import { verifyAccountSecrets, verifyBalancers, verifyHttp, verifyState } from './verify-http.ts';
import { type Report, verifyClient, verifyPair } from './verify-pem.ts';

/** A certificate in the summary for the operator. */
export interface CertificateSummary {
  readonly certFile: string;
  /** Names in the certificate. */
  readonly names: string;
  /** End of validity in ISO 8601. */
  readonly notAfter: string;
  /** Served domains for which it would be used. */
  readonly domains: readonly string[];
}

export interface Verification {
  readonly certificates: readonly CertificateSummary[];
  /** Errors and warnings, in no particular order. */
  readonly problems: readonly ConfigProblem[];
}

/** Verifies every certificate, key and authority.
 *  @param now milliseconds since 1970 */
export async function verifyFiles(loaded: LoadedConfig, now: number): Promise<Verification> {
  const problems: ConfigProblem[] = [];
  const report: Report = (code, path, message, severity = 'error') => {
    const place = loaded.places.place(path);
    problems.push({
      severity,
      code,
      path: formatPath(path),
      place,
      message,
      remedy: configErrors[code].remedy,
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
    await verifyClient(gatekeeper, ['gatekeepers', index], now, report);
  await verifyHttp(loaded.config, now, report);
  await verifyBalancers(loaded.config, report);
  await verifyAccountSecrets(loaded.config, report);
  await verifyState(loaded.config, now, report);
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
