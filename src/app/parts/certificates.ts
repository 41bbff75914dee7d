/** The certificates of the proxy's ports. */
import type { Config } from '../../config/schema.ts';
import { CertificateStore } from '../../transport/certificates.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport } from '../observer.ts';

/** Loads a list of certificates and watches their files.
 *  @param section path of the list in the configuration, for reports
 *  @throws SetupError when one cannot be loaded */
export function openCertificates(
  section: string,
  certificates: Config['certificates'],
  { report, clock }: { readonly report: FilesReport; readonly clock: Clock },
): Promise<CertificateStore> {
  const [first, ...rest] = certificates.map(({ certFile, keyFile, domains }, index) => ({
    name: `${section}[${index}]`,
    certFile,
    keyFile,
    ...(domains && { domains: [...domains] }),
  }));
  return CertificateStore.open({ certificates: [first!, ...rest], report, now: clock.wall });
}
