/** Trusted authorities and client certificate for the connections that the proxy opens to one party. */
import { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import type { FilesReport } from '../observer.ts';

/** The files of a section of the configuration. */
export interface CredentialFiles {
  readonly caFile?: string | undefined;
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
}

/** Loads the files and watches them.
 *  @param name of the party in the configuration, for reports
 *  @param use of the client certificate
 *  @throws SetupError when a file does not load */
export async function openCredentials(
  name: string,
  { caFile, clientCertFile, clientKeyFile }: CredentialFiles,
  report: FilesReport,
  use: 'gatekeeper' | 'provider' | 'state' = 'gatekeeper',
): Promise<OutboundCredentials> {
  const client =
    clientCertFile === undefined || clientKeyFile === undefined
      ? undefined
      : { certFile: clientCertFile, keyFile: clientKeyFile };
  const tellValidity = (): void => {
    const notAfter = credentials.certificateNotAfter();
    if (notAfter !== undefined) report({ kind: 'validity', use, certificate: name, notAfter });
  };
  const credentials: OutboundCredentials = await OutboundCredentials.open({
    name,
    ...(caFile !== undefined && { caFile }),
    ...(client !== undefined && { client }),
    report(change) {
      report(change);
      if (change.kind === 'reloaded') tellValidity();
    },
  });
  tellValidity();
  return credentials;
}
