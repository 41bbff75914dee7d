/** The parties on either side of the intermediary, on loopback, with certificates of one run, and the record of
 *  everything that they receive. */
import { createDevelopmentAuthority, type DevelopmentAuthority } from '../certificates.ts';
import type { Endpoint } from '../client.ts';
import { createGatekeeper } from '../gatekeeper.ts';
import { startPartnerServices, type PartnerServices } from '../gatekeeper/partner-services.ts';
import { startProvider, type Provider } from '../provider.ts';
import type { OfflineRecord } from '../server/offline.ts';
import { domain, host, juliet, names, romeo } from './cast.ts';
import { createRecords, type Records } from './records.ts';

export interface Stage {
  readonly authority: DevelopmentAuthority;
  readonly gatekeeper: {
    /** Address of its messaging server, for Romeo's app and the intermediary. */
    readonly endpoint: Endpoint;
    readonly services: PartnerServices;
    /** PEM of the certificate that it shows in calls to the intermediary. */
    readonly callerCertificate: string;
  };
  readonly provider: Provider;
  readonly records: Records;
  /** Ends every stream and closes every port. */
  close(): Promise<void>;
}

/** A user of the gatekeeper's own app other than Romeo, for visitors of the demo. */
export const visitor = { username: 'mercutio', password: 'Qu33nMab' } as const;

/** Starts the parties.
 *  @throws SimulatorError */
export async function openStage(): Promise<Stage> {
  const authority = createDevelopmentAuthority();
  const records = createRecords();
  const { gatekeeper: seen } = records;
  const provider = await startProvider({
    issuer: names.provider,
    users: [juliet],
    certificate: authority.issue([host]),
    host,
    onExchange: (exchange) => records.provider.http.push(exchange),
  });
  const shown = authority.issue([names.gatekeeper]);
  const services = await startPartnerServices({
    name: names.gatekeeper,
    provider: names.provider,
    intermediary: names.intermediary,
    users: [romeo],
    known: (subject) => subject === juliet.identifier,
    certificate: authority.issue([host]),
    host,
    caller: { ca: authority.certificate, certificate: shown },
    onExchange: (through, exchange) => seen.http.push({ through, exchange }),
    onEnlistment: (record) => seen.enlistments.push(record),
    onToken: (record) => seen.tokens.push(record),
  });
  /** Wakes each device of a user who is offline and has a message. */
  function wake({ sender, count, pushNodes }: OfflineRecord): void {
    for (const recipient of pushNodes) {
      const notification = { recipient, sender, body: 'New encrypted message', count };
      void services.push(notification).then((outcome) => seen.pushes.push({ notification, outcome }));
    }
  }

  const server = createGatekeeper({
    domain,
    users: [{ username: juliet.username }, romeo, visitor],
    certificate: authority.issue([domain, host]),
    listeners: [{ tls: 'direct', host, port: 0 }],
    bearer: services.bearer,
    connectionSignals: {
      keys: services.attestationKeys,
      issuer: names.intermediary,
      audience: names.gatekeeper,
    },
    limits: { offlineMessagesMax: 20 },
    onStanza: (record) => seen.stream.push(record),
    onAttestation: (record) => seen.attestations.push(record),
    onOffline: (record) => wake(record),
  });
  const [listener] = await server.start();
  return {
    authority,
    gatekeeper: {
      endpoint: { host, port: listener!.port, tls: 'direct', ca: authority.certificate, domain },
      services,
      callerCertificate: shown.certificate,
    },
    provider,
    records,
    async close() {
      await server.close();
      await services.close();
      await provider.close();
    },
  };
}
