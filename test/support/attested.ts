import { readSigningKeys } from '../../src/signals/keys.ts';
import { refreshingKeys } from '../../src/signals/jwks.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { connectClient, type Client, type ClientOptions } from '../../src/simulator/client.ts';
import { createGatekeeper } from '../../src/simulator/gatekeeper.ts';
import type {
  AttestationRecord,
  ConnectionSignalsOptions,
  GatekeeperOptions,
  ProxyHeaderRecord,
} from '../../src/simulator/server/options.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.ts';
import { signingKeyFolder } from './signing-keys.ts';

export const issuer = 'proxy.example';
export const audience = 'gatekeeper.example';

export interface AttestedOptions {
  /** Of the gatekeeper's `attestation`. */
  readonly carriers: Record<string, unknown>;
  readonly required?: boolean;
  /** Of the simulated gatekeeper; false for one without connection signals. */
  readonly receives?: Partial<ConnectionSignalsOptions> | false;
  readonly gatekeeper?: Partial<GatekeeperOptions>;
  readonly gatekeeperTls?: 'starttls' | 'direct';
  readonly proxy?: Partial<TestProxyOptions>;
  /** The one key in the folder, as its file is named. Default `spring`. */
  readonly signingKey?: string;
  /** Whether the proxy shows a certificate of its own upstream. Default true. */
  readonly mutualTls?: boolean;
}

/** A proxy before the simulated gatekeeper, and what the latter received. */
export async function startAttested(options: AttestedOptions) {
  const keys = await signingKeyFolder(options.signingKey);
  const authority = createDevelopmentAuthority();
  const pair = authority.issue(['localhost', '127.0.0.1']);
  const shown = authority.issue(['proxy.example']);
  const attestations: AttestationRecord[] = [];
  const headers: ProxyHeaderRecord[] = [];
  const received: string[] = [];
  const outcomes: string[] = [];
  const captures: string[] = [];
  const reports: string[] = [];
  const overProxyProtocol = 'proxyProtocol' in options.carriers;
  const gatekeeper = createGatekeeper({
    domain: 'localhost',
    users: [{ username: 'juliet', password: 'balcony' }],
    certificate: pair,
    listeners: [
      {
        tls: options.gatekeeperTls ?? 'direct',
        host: '127.0.0.1',
        port: 0,
        proxyProtocol: overProxyProtocol,
      },
    ],
    ...(options.receives === false
      ? {}
      : {
          connectionSignals: {
            // The folder stands for the published JWKS: what the proxy signs with is there first.
            keys: refreshingKeys({
              load: async () => (await readSigningKeys(keys.folder)).jwks(),
              clock: () => performance.now(),
              cooldownMs: 0,
            }),
            issuer,
            audience,
            required: true,
            ...options.receives,
          },
        }),
    clientAuthorities: authority.certificate,
    onAttestation: (record) => attestations.push(record),
    onProxyHeader: (record) => headers.push(record),
    onStanza: ({ direction, xml }) => {
      if (direction === 'received') received.push(xml);
    },
    ...options.gatekeeper,
  });
  const [bound] = await gatekeeper.start();
  const proxy: TestProxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: bound!.port, tls: bound!.tls },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    signals: {
      section: { issuer, keysFolder: keys.folder },
      attestation: { audience, carriers: options.carriers, required: options.required ?? false },
      ...(options.mutualTls === false ? {} : { client: shown }),
    },
    signalsObserver: {
      attested: (_, carrier, outcome) => outcomes.push(`${carrier} ${outcome}`),
      captured: (signal, outcome) => captures.push(`${signal} ${outcome}`),
      keys: (report) => reports.push(report.kind),
    },
    ...options.proxy,
  });
  const clients: Client[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await proxy.close();
    await gatekeeper.close();
    await keys.close();
  };
  const endpoint = (tls: 'starttls' | 'direct'): ClientOptions['endpoint'] => ({
    host: '127.0.0.1',
    port: proxy[tls],
    tls,
    ca: authority.certificate,
    domain: 'localhost',
  });
  return {
    /** Of the proxy, direct TLS. */
    endpoint: endpoint('direct'),
    authority,
    proxy,
    keys,
    attestations,
    headers,
    /** What the gatekeeper received, in order. */
    received,
    /** Carrier and outcome, as counted. */
    outcomes,
    /** Signal and outcome, as counted. */
    captures,
    /** Codes of connections that came to no session. */
    refused: proxy.refused,
    /** Of the folder of signing keys. */
    reports,
    async logIn(tls: 'starttls' | 'direct' = 'direct', more: Partial<ClientOptions> = {}): Promise<Client> {
      const client = await connectClient({
        endpoint: endpoint(tls),
        username: 'juliet',
        password: 'balcony',
        timeoutMs: 5_000,
        ...more,
      });
      clients.push(client);
      return client;
    },
    close: () => (closing ??= closeAll()),
  };
}

export type Attested = Awaited<ReturnType<typeof startAttested>>;

/** The claims of the statement accepted last. */
export function accepted({ attestations }: Attested) {
  const last = attestations.at(-1)?.verification;
  if (last?.kind !== 'accepted') throw new Error(JSON.stringify(last));
  return last.claims;
}
