/** Parses PEM text (RFC 7468) into certificates and keys, and checks that they match. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { SetupError, type FaultyFile } from './error.ts';
import type { SourceFile } from './reloading.ts';

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Returns every certificate of a file, in order: at least one.
 *  @throws SetupError ERR_CERTIFICATE_INVALID */
export function parseCertificates(text: string, file: SourceFile): [X509Certificate, ...X509Certificate[]] {
  const [first, ...rest] = [...text.matchAll(certificateBlock)].map(({ 0: block, index }) =>
    parseOne(block, { ...file, ...placeAt(text, index) }),
  );
  if (first === undefined) throw invalid({ ...file, line: 1, column: 1 }, 'holds no PEM certificate');
  return [first, ...rest];
}

/** Returns the private key of a file.
 *  @throws SetupError ERR_CERTIFICATE_KEY_INVALID */
function parseKey(text: string, file: SourceFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // Without the cause, which could quote the file.
    throw new SetupError(
      'ERR_CERTIFICATE_KEY_INVALID',
      `the ${file.role} file ${file.path} holds no private key that can be read`,
      'It must be one unencrypted PEM private key (PKCS#8, PKCS#1 or SEC1)',
      { ...file, ...placeAt(text, Math.max(0, text.indexOf('-----BEGIN'))) },
    );
  }
}

/** Parses a certificate (with its chain) and its key.
 *  @throws SetupError ERR_CERTIFICATE_INVALID, ERR_CERTIFICATE_KEY_INVALID, ERR_CERTIFICATE_KEY_MISMATCH */
export function parsePair(
  texts: { readonly certificate: string; readonly key: string },
  files: { readonly certificate: SourceFile; readonly key: SourceFile },
): X509Certificate {
  const [leaf] = parseCertificates(texts.certificate, files.certificate);
  if (!leaf.checkPrivateKey(parseKey(texts.key, files.key)))
    throw new SetupError(
      'ERR_CERTIFICATE_KEY_MISMATCH',
      `the key file ${files.key.path} is not the key of the first certificate in ${files.certificate.path}`,
      'Put the server certificate first in its file, before its issuers, and give the key it was issued for',
      { ...files.key, line: 1, column: 1 },
    );
  return leaf;
}

function parseOne(block: string, file: FaultyFile): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw invalid(file, 'holds a certificate that cannot be read');
  }
}

function invalid(file: FaultyFile, problem: string): SetupError {
  return new SetupError(
    'ERR_CERTIFICATE_INVALID',
    `the ${file.role} file ${file.path} ${problem}`,
    'It must be PEM: one or more blocks from BEGIN CERTIFICATE to END CERTIFICATE',
    file,
  );
}

/** Returns line and column of an offset, from 1. */
function placeAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: lines.at(-1)!.length + 1 };
}
