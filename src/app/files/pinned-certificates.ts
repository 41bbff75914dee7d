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
 *  @throws SetupError when it has no certificate */
export async function openPins(
  name: string,
  path: string,
  { files, clock }: { readonly files: FilesReport; readonly clock: Clock },
): Promise<Pins> {
  const file: SourceFile = { role: 'certificate', path };
  const pinned = await Reloading.open({
    name,
    files: [file],
    report: files,
    build: ([text = '']) =>
      new Set(parseCertificates(text, file).map(({ fingerprint256 }) => fingerprint256)),
  });
  return {
    has({ fingerprint256, validFromDate, validToDate }) {
      const now = clock.wall();
      const isValid = validFromDate.getTime() <= now && now < validToDate.getTime();
      return isValid && pinned.current.has(fingerprint256);
    },
    refresh: () => pinned.refresh(),
    close: () => pinned.close(),
  };
}

/** Returns the client certificate of a request's connection. TLS has verified that the caller holds its key; only a
 *  pin identifies the party. */
export function peerCertificate({ env }: HttpContext): X509Certificate | undefined {
  const { socket } = env.incoming;
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}
