import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCatalogueFiles } from '../../src/app/files/policies.ts';
import type { ProxyObserver, RecordingReport } from '../../src/app/observer.ts';
import type { RecordingOptions } from '../../src/app/parts/recording.ts';
import { startProxy, type Proxy } from '../../src/app/proxy.ts';
import { DecisionCounts } from '../../src/observability/decision-counts.ts';
import { configSchema } from '../../src/config/schema.ts';
import type { ChannelBinding } from '../../src/session/facts.ts';
import type { CloseReason, SessionObserver } from '../../src/session/observer.ts';
import { neverLate, patientTimeouts } from './patience.ts';

/** Read once: most of the processor time of a start. */
const catalogue = openCatalogueFiles();

/** What a test gives to have a proxy between its clients and a gatekeeper. Certificates are PEM. */
export interface TestProxyOptions {
  readonly domain: string;
  readonly gatekeeper: { readonly port: number; readonly tls: 'starttls' | 'direct' };
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly channelBinding?: ChannelBinding;
  readonly limits?: Record<string, number>;
  readonly timeouts?: Record<string, number>;
  /** When new work is refused; never by default. */
  readonly overload?: Record<string, number>;
  /** A shipped policy or a file; by default `passthrough`. */
  readonly policy?: string;
  readonly shadow?: string;
  /** Secret that gives accounts to shares. */
  readonly shareKeyFile?: string;
  /** Secrets of pseudonyms, the current one first; random by default. */
  readonly keyFiles?: readonly string[];
  /** File with the obligations of gatekeepers; by default those shipped. */
  readonly obligations?: string;
  /** The `capabilities` section; none by default. */
  readonly capabilities?: Record<string, unknown>;
  /** The sections of the HTTP plane; the port is a free one of the loopback. */
  readonly http?: { readonly publicUrl: string } & Record<string, unknown>;
  readonly provider?: Record<string, unknown>;
  /** Sections of the gatekeeper, such as `enlistment`, `push`, `media`, `policy`. */
  readonly gatekeeperHttp?: Record<string, unknown>;
  /** Domains in addition to `domain`, and their gatekeepers. */
  readonly otherDomains?: readonly { readonly domain: string; readonly gatekeeper: string }[];
  /** More gatekeepers, as the file has them. */
  readonly otherGatekeepers?: readonly Record<string, unknown>[];
  readonly httpObserver?: Partial<ProxyObserver['http']>;
  /** Hears everything, and then `closed`, `policy` and `decisions` stay empty. */
  readonly observer?: ProxyObserver;
  /** Called with the counts of the capability stages. */
  readonly capabilitiesObserver?: Partial<ProxyObserver['capabilities']>;
  /** The `signals` section, the gatekeeper's `attestation` and its client certificate; none by default. */
  readonly signals?: {
    readonly section: Record<string, unknown>;
    readonly attestation?: Record<string, unknown>;
    readonly client?: { readonly certificate: string; readonly key: string };
  };
  readonly signalsObserver?: Partial<ProxyObserver['signals']>;
  /** Receives what became of changed certificates and secrets. */
  readonly filesObserver?: ProxyObserver['certificates'];
  /** The `state` section; none by default. */
  readonly state?: Record<string, unknown>;
  readonly stateObserver?: Partial<ProxyObserver['state']>;
  /** The `ledger` section; none by default. */
  readonly ledger?: Record<string, unknown>;
  /** What is recorded; nothing by default. */
  readonly recording?: RecordingOptions;
  /** The `regions` section; none by default. */
  readonly regions?: Record<string, unknown>;
  /** More of both listeners, such as where they listen. */
  readonly listener?: Record<string, unknown>;
}

export interface TestProxy {
  readonly proxy: Proxy;
  readonly starttls: number;
  readonly direct: number;
  /** Why sessions ended, in the order in which they did. */
  readonly closed: CloseReason[];
  /** Codes of connections that came to no session. */
  readonly refused: string[];
  /** What became of policies: kind, and name or number of problems. */
  readonly policy: string[];
  readonly decisions: DecisionCounts;
  /** When a recording began and ended. */
  readonly recordings: RecordingReport[];
  close(): Promise<void>;
}

/** A whole proxy in this process, on free loopback ports: STARTTLS and direct TLS. */
export async function startTestProxy(options: TestProxyOptions): Promise<TestProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-proxy-'));
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const { signals } = options;
  const config = configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [
      { name: 'starttls', host: '127.0.0.1', port: 0, tls: 'starttls', ...options.listener },
      { name: 'direct', host: '127.0.0.1', port: 0, tls: 'direct', ...options.listener },
    ],
    certificates: [
      {
        certFile: await file('server.crt', options.certificate),
        keyFile: await file('server.key', options.key),
      },
    ],
    domains: [{ domain: options.domain, gatekeeper: 'test' }, ...(options.otherDomains ?? [])],
    gatekeepers: [
      {
        name: 'test',
        connect: { address: `127.0.0.1:${options.gatekeeper.port}`, tls: options.gatekeeper.tls },
        caFile: await file('ca.crt', options.ca),
        channelBinding: options.channelBinding ?? 'gatekeeper-without-plus',
        ...options.gatekeeperHttp,
        ...(signals?.attestation === undefined ? {} : { attestation: signals.attestation }),
        ...(signals?.client === undefined
          ? {}
          : {
              clientCertFile: await file('client.crt', signals.client.certificate),
              clientKeyFile: await file('client.key', signals.client.key),
            }),
      },
      ...(options.otherGatekeepers ?? []),
    ],
    ...(signals === undefined ? {} : { signals: signals.section }),
    policy: {
      file: options.policy ?? 'passthrough',
      ...(options.shadow === undefined ? {} : { shadow: options.shadow }),
      ...(options.shareKeyFile === undefined ? {} : { shareKeyFile: options.shareKeyFile }),
      ...(options.keyFiles === undefined ? {} : { keyFiles: options.keyFiles }),
      ...(options.obligations === undefined ? {} : { obligations: options.obligations }),
    },
    limits: options.limits ?? {},
    timeouts: { ...patientTimeouts, ...options.timeouts },
    overload: { ...neverLate, ...options.overload },
    ...(options.provider && { provider: options.provider }),
    ...(options.http && { http: { host: '127.0.0.1', port: 0, ...options.http } }),
    ...(options.regions && { regions: options.regions }),
    ...(options.ledger && { ledger: options.ledger }),
    ...(options.state && { state: options.state }),
    ...(options.capabilities === undefined ? {} : { capabilities: options.capabilities }),
  });
  const records = { closed: [], refused: [], policy: [], decisions: new DecisionCounts(), recordings: [] };
  const proxy = await startProxy(config, options.observer ?? recorder(records, options), {
    catalogue,
    recording: options.recording,
  });
  return {
    proxy,
    starttls: proxy.ports[0]!,
    direct: proxy.ports[1]!,
    ...records,
    async close() {
      await proxy.close(0);
      await rm(folder, { recursive: true });
    },
  };
}

function recorder(
  {
    closed,
    refused,
    policy,
    decisions,
    recordings,
  }: Omit<TestProxy, 'proxy' | 'starttls' | 'direct' | 'close'>,
  { capabilitiesObserver, filesObserver, httpObserver, signalsObserver, stateObserver }: TestProxyOptions,
): ProxyObserver {
  const session: SessionObserver = {
    phase: () => {},
    secured: () => {},
    dialled: () => {},
    stanza: () => {},
    bytes: () => {},
    padded: () => {},
    waited: () => {},
    equalised: () => {},
    paced: () => {},
    closed: (reason) => closed.push(reason),
  };
  return {
    session: () => session,
    refused: (_, code) => refused.push(code),
    load: () => {},
    ledger: () => {},
    recording: (report) => recordings.push(report),
    resumable: () => {},
    certificates: (report) => filesObserver?.(report),
    policy: (report) => {
      if (report.kind === 'ephemeral-key' || report.kind === 'ephemeral-share-key') return;
      const what =
        report.kind === 'rejected' ? report.problems.length : report.policies.map(({ name }) => name);
      policy.push(`${report.kind} ${String(what)}`);
    },
    policySessions: () => {},
    regions: () => {},
    restart: () => {},
    reauthenticated: () => {},
    decisions,
    http: { report: () => {}, refused: () => {}, ephemeralMediaKey: () => {}, ...httpObserver },
    state: { operated: () => {}, up: () => {}, down: () => {}, refused: () => {}, ...stateObserver },
    capabilities: {
      asked: () => {},
      answered: () => {},
      held: () => {},
      filtered: () => {},
      reloaded: () => {},
      profileSessions: () => {},
      ...capabilitiesObserver,
    },
    signals: {
      synVisibility: () => {},
      captured: () => {},
      attested: () => {},
      signing: () => {},
      fieldsIgnored: () => {},
      keys: () => {},
      ...signalsObserver,
    },
  };
}
