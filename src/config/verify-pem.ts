/** Verifies certificates, authorities and keys in PEM form. Reads files, opens no socket. */
import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ConfigErrorCode } from '../errors/config.ts';
import type { ConfigPath } from './problem.ts';

export type Report = (
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

/** Verifies a certificate and its key.
 *  @returns the chain, certificate first; empty when it cannot be read */
export async function verifyPair(
  pair: Pair,
  now: number,
  report: Report,
): Promise<readonly X509Certificate[]> {
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

/** Makes a TLS context of the pair: the TLS library refuses short keys and weak digests. */
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

/** The files of authorities and a client certificate. */
interface ClientFiles {
  readonly caFile?: string | undefined;
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
}

/** Verifies the files for connections that the proxy opens.
 *  @param at path of the mapping with these keys */
export async function verifyClient(
  { caFile, clientCertFile: cert, clientKeyFile: key }: ClientFiles,
  at: ConfigPath,
  now: number,
  report: Report,
): Promise<void> {
  if (caFile !== undefined) await verifyCertificates(caFile, [...at, 'caFile'], now, report);
  if (cert === undefined || key === undefined) return;
  const paths = { certPath: [...at, 'clientCertFile'], keyPath: [...at, 'clientKeyFile'] };
  await verifyPair({ cert, key, ...paths }, now, report);
}

/** Verifies a file of certificates without keys. */
export async function verifyCertificates(
  file: string,
  path: ConfigPath,
  now: number,
  report: Report,
): Promise<void> {
  for (const certificate of await readCertificates(file, path, report))
    verifyDates(certificate, file, path, now, report);
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
    // Without the library's message, which could quote the file.
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
