/** The certificates of the proxy's ports. */
import type { Config } from '../../config/schema.ts';
import { CertificateStore } from '../../transport/certificates.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport } from '../observer.ts';

/** Loads a list of certificates and watches their files.
 *  @param section path of the list in the configuration, for reports
 *  @throws SetupError when one cannot be loaded */
export async function openCertificates(
  section: keyof typeof uses,
  certificates: Config['certificates'],
  { report, clock }: { readonly report: FilesReport; readonly clock: Clock },
): Promise<CertificateStore> {
  const [first, ...rest] = certificates.map(({ certFile, keyFile, domains }, index) => ({
    name: `${section}[${index}]`,
    certFile,
    keyFile,
    ...(domains && { domains: [...domains] }),
  }));
  const tellValidity = (): void => {
    for (const [index, { notAfter }] of store.expiries().entries())
      report({ kind: 'validity', use: uses[section], certificate: String(index), notAfter });
  };
  const store: CertificateStore = await CertificateStore.open({
    certificates: [first!, ...rest],
    now: clock.wall,
    report(change) {
      report(change);
      if (change.kind === 'reloaded') tellValidity();
    },
  });
  tellValidity();
  return store;
}

const uses = { certificates: 'listener', 'http.certificates': 'http' } as const;
