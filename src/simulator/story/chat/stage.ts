/** The parties on either side of the intermediary where the gatekeeper speaks the chat channel, on loopback, with
 *  certificates of one run, and the record of everything that they receive. */
import { createDevelopmentAuthority, type DevelopmentAuthority } from '../../certificates.ts';
import { createChatGatekeeper, type ChatGatekeeper } from '../../chat/gatekeeper.ts';
import { newServerKey, type ServerKey } from '../../chat/noise.ts';
import type {
  ChatAttestationRecord,
  ChatLoginRecord,
  ChatNodeRecord,
  ChatProxyHeaderRecord,
} from '../../chat/options.ts';
import { ChatUsers } from '../../chat/users.ts';
import type { FormRecord } from '../../gatekeeper/published-enlistment.ts';
import {
  startPublishedServices,
  type PublishedExchange,
  type PublishedServices,
} from '../../gatekeeper/published-services.ts';
import type { PushOutcome } from '../../gatekeeper/push-sender.ts';
import type { HttpExchange } from '../../http/message.ts';
import { startProvider, type Provider } from '../../provider.ts';
import { host, juliet, names } from '../cast.ts';
import { integrator, pushIssuer, romeoNumber, statedVersion } from './cast.ts';

export interface ChatRecords {
  readonly gatekeeper: {
    readonly nodes: ChatNodeRecord[];
    readonly logins: ChatLoginRecord[];
    readonly attestations: ChatAttestationRecord[];
    readonly proxyHeaders: ChatProxyHeaderRecord[];
    readonly forms: FormRecord[];
    readonly http: { readonly through: PublishedExchange; readonly exchange: HttpExchange }[];
    readonly pushes: { readonly to: string; readonly outcome: PushOutcome }[];
  };
  readonly provider: { readonly http: HttpExchange[] };
}

export interface ChatStage {
  readonly authority: DevelopmentAuthority;
  readonly gatekeeper: {
    readonly server: ChatGatekeeper;
    /** Port of the chat server for the intermediary, and for the gatekeeper's own app. */
    readonly ports: { readonly intermediary: number; readonly own: number };
    readonly services: PublishedServices;
    readonly users: ChatUsers;
    /** Static key of Romeo's app. */
    readonly romeoKey: ServerKey;
    /** PEM of the certificate that it shows in calls to the intermediary. */
    readonly callerCertificate: string;
  };
  readonly provider: Provider;
  readonly records: ChatRecords;
  /** Ends every connection and closes every port. */
  close(): Promise<void>;
}

/** Starts the parties.
 *  @throws SimulatorError */
export async function openChatStage(): Promise<ChatStage> {
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
  const users = new ChatUsers(integrator);
  const romeoKey = newServerKey();
  users.addOwn(romeoNumber, romeoKey.publicKey);
  const shown = authority.issue([names.gatekeeper]);
  const services = await startPublishedServices({
    name: names.gatekeeper,
    provider: names.provider,
    intermediary: names.intermediary,
    pushIssuer,
    users,
    known: (subject) => subject === juliet.identifier,
    version: statedVersion,
    certificate: authority.issue([host]),
    host,
    caller: { ca: authority.certificate, certificate: shown },
    onExchange: (through, exchange) => seen.http.push({ through, exchange }),
    onForm: (record) => seen.forms.push(record),
  });
  const server = openServer(services, users, records);
  const [forIntermediary, forOwn] = await server.start();
  return {
    authority,
    gatekeeper: {
      server,
      ports: { intermediary: forIntermediary!.port, own: forOwn!.port },
      services,
      users,
      romeoKey,
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

function createRecords(): ChatRecords {
  return {
    gatekeeper: {
      nodes: [],
      logins: [],
      attestations: [],
      proxyHeaders: [],
      forms: [],
      http: [],
      pushes: [],
    },
    provider: { http: [] },
  };
}

/** Makes the chat server. It wakes a third party's user for a stored message. */
function openServer(
  services: PublishedServices,
  users: ChatUsers,
  { gatekeeper: seen }: ChatRecords,
): ChatGatekeeper {
  return createChatGatekeeper({
    users,
    ownership: services.ownership,
    listeners: [
      { host, port: 0, proxyProtocol: 'required' },
      { host, port: 0 },
    ],
    signals: {
      keys: services.attestationKeys,
      issuer: names.intermediary,
      audience: names.gatekeeper,
      required: true,
    },
    onNode: (record) => seen.nodes.push(record),
    onLogin: (record) => seen.logins.push(record),
    onAttestation: (record) => seen.attestations.push(record),
    onProxyHeader: (record) => seen.proxyHeaders.push(record),
    onStored({ recipient: { subject: to }, node }) {
      if (to === undefined || node.tag !== 'message') return;
      void services.push(to).then((outcome) => seen.pushes.push({ to, outcome }));
    },
  });
}
