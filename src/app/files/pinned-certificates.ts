/** Client certificates that a caller is known by, from a file that is read again when it changes. */
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { HttpContext } from '../../http/env.ts';
import { parseCertificates } from '../../transport/pem.ts';
import { Reloading, type ReloadReport, type SourceFile } from '../../transport/reloading.ts';

export interface Pins {
  /** Whether a certificate is one of these, and within its validity. */
  readonly has: (certificate: X509Certificate) => boolean;
  refresh(): Promise<void>;
  close(): void;
}

/** @throws SetupError when the file holds none. */
export async function openPins(
  name: string,
  path: string,
  report: (report: ReloadReport) => void,
): Promise<Pins> {
  const file: SourceFile = { role: 'certificate', path };
  const pinned = await Reloading.open({
    name,
    files: [file],
    report,
    build: ([text = '']) =>
      new Set(parseCertificates(text, file).map(({ fingerprint256 }) => fingerprint256)),
  });
  return {
    has({ fingerprint256, validFromDate, validToDate }) {
      const now = Date.now();
      const isValid = validFromDate.getTime() <= now && now < validToDate.getTime();
      return isValid && pinned.current.has(fingerprint256);
    },
    refresh: () => pinned.refresh(),
    close: () => pinned.close(),
  };
}

/** The client certificate of a connection. TLS has proved that the caller has its key; whose it is, the pin says. */
export function peerCertificate({ env }: HttpContext): X509Certificate | undefined {
  const { socket } = env.incoming;
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}
