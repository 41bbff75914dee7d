/** The pinned client certificates of a caller, from a file that is read again when it changes. */
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { HttpContext } from '../../http/env.ts';
import { parseCertificates } from '../../transport/pem.ts';
import { Reloading, type SourceFile } from '../../transport/reloading.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport } from '../observer.ts';
import type { Part } from '../part.ts';

export interface Pins extends Part {
  /** Returns whether a certificate is pinned and within its validity. */
  readonly has: (certificate: X509Certificate) => boolean;
}

/** Loads the file.
 *  @param caller `name` of the gatekeeper in the configuration, or `provider`
 *  @throws SetupError when it has no certificate */
export async function openPins(
  { use, name }: { readonly use: 'push' | 'media' | 'references'; readonly name: string },
  path: string,
  { files, clock }: { readonly files: FilesReport; readonly clock: Clock },
): Promise<Pins> {
  const file: SourceFile = { role: 'certificate', path };
  const tellValidity = (): void => {
    const { notAfter } = pinned.current;
    files({ kind: 'validity', use, certificate: name, notAfter });
  };
  const pinned: Reloading<Pinned> = await Reloading.open({
    name: `${use} of ${name}`,
    files: [file],
    report(change) {
      files(change);
      if (change.kind === 'reloaded') tellValidity();
    },
    build: ([text = '']) => pinnedOf(parseCertificates(text, file)),
  });
  tellValidity();
  return {
    has({ fingerprint256, validFromDate, validToDate }) {
      const now = clock.wall();
      const isValid = validFromDate.getTime() <= now && now < validToDate.getTime();
      return isValid && pinned.current.fingerprints.has(fingerprint256);
    },
    refresh: () => pinned.refresh(),
    close: () => pinned.close(),
  };
}

interface Pinned {
  readonly fingerprints: ReadonlySet<string>;
  /** End of validity of the certificate that ends first, in milliseconds since 1970. */
  readonly notAfter: number;
}

function pinnedOf(certificates: readonly X509Certificate[]): Pinned {
  return {
    fingerprints: new Set(certificates.map(({ fingerprint256 }) => fingerprint256)),
    notAfter: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())),
  };
}

/** Returns the client certificate of a request's connection. TLS has verified that the caller holds its key; only a
 *  pin identifies the party. */
export function peerCertificate({ env }: HttpContext): X509Certificate | undefined {
  const { connection } = env;
  return connection instanceof TLSSocket ? connection.getPeerX509Certificate() : undefined;
}
