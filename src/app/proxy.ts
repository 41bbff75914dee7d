/** Puts a proxy together from its configuration. This folder is the only place that constructs; everything else is
 *  given what it needs. */
import { randomInt } from 'node:crypto';
import type { Config, GatekeeperConfig } from '../config/schema.ts';
import { parseHostPort } from '../config/address.ts';
import type { Audience } from '../stanza/direction.ts';
import type { Decision } from '../stanza/verdict.ts';
import type { StreamLimits } from '../stream/limits.ts';
import { SimdStructure } from '../stream/structure/simd.ts';
import { Workspace } from '../stream/workspace.ts';
import { StreamServer } from '../session/stream-server.ts';
import { headerPolicy } from '../session/policy/header-policy.ts';
import { policyStage, type PolicyStageOptions } from '../session/policy/policy-stage.ts';
import { channelBindingGuard } from '../session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../session/negotiation/guard.ts';
import type { SessionObserver } from '../session/observer.ts';
import type { ReauthenticationOptions } from '../session/authentication/reauthentication.ts';
import type { GatekeeperRoute } from '../session/machine.ts';
import { Rendering } from '../session/rendering.ts';
import { inStageOrder } from '../session/pipeline.ts';
import { systemTimers } from '../session/timers.ts';
import type { RateLimits } from '../session/pacing.ts';
import { Resumptions } from '../session/stream-management/resumptions.ts';
import { defaultDelayLimits } from '../session/delay-queue.ts';
import { createGatekeeperRoute } from '../session/gatekeeper-route.ts';
import { Admission } from '../transport/admission.ts';
import { CertificateStore, type CertificateReport } from '../transport/certificates.ts';
import type { Target } from '../transport/dial.ts';
import { LoadMonitor, memoryBound, type LoadReport } from '../transport/load-monitor.ts';
import type { ListenRefusal } from '../transport/listen.ts';
import type { ReloadReport } from '../transport/reloading.ts';
import { secureClient } from '../transport/server-tls.ts';
import { systemResolver } from '../transport/srv.ts';
import { OutboundCredentials } from '../transport/outbound-credentials.ts';
import { WriteStallWatch } from '../transport/write-stall.ts';
import type { RestartReport } from './files/restart-watch.ts';
import { watchRestartFiles, type ConfigSource } from './files/restart-files.ts';
import { openPolicyRuntime, type PolicyReport, type PolicyRuntime } from './parts/policies.ts';
import { openCapabilities, type CapabilitiesObserver } from './parts/capabilities.ts';
import { openHttp, type PublicHttp } from './parts/http.ts';
import { openMediaAddresses } from './parts/media-addresses.ts';
import { openProvider } from './parts/provider.ts';
import { reauthenticationStages } from './parts/reauthentication.ts';
import { closeAll, refreshAll, type Closable, type HttpObserver } from './part.ts';
import { httpPolicy } from './parts/http-policy.ts';
import { openSignals, synVisibilityOf, type SignalsObserver } from './parts/signals.ts';

/** Who hears what the proxy does. */
export interface ProxyObserver {
  session(listener: string): SessionObserver;
  refused(listener: string, code: ListenRefusal): void;
  certificates(report: CertificateReport | ReloadReport): void;
  /** New work is refused from now on, or taken again. */
  load(report: LoadReport): void;
  policy(report: PolicyReport): void;
  /** Files that take effect at the next start have changed. */
  restart(report: RestartReport): void;
  /** A client has tried to authenticate to the proxy. */
  reauthenticated: ReauthenticationOptions['concluded'];
  decided(audience: Audience, mode: 'enforced' | 'shadow', decisions: readonly Decision[]): void;
  readonly capabilities: CapabilitiesObserver;
  readonly http: HttpObserver;
  readonly signals: SignalsObserver;
}

export interface Proxy {
  readonly streams: StreamServer;
  /** Ports in use, in the order of the configured listeners. */
  readonly ports: readonly number[];
  /** Port of the public HTTP plane, where it is configured. */
  readonly httpPort: number | undefined;
  /** The policies in force. */
  readonly policies: PolicyRuntime;
  /** Reads every watched file again, now. */
  refresh(): Promise<void>;
  /** Drains and lets go of everything. */
  close(drainMs?: number): Promise<void>;
}

/** Starts a proxy: all of it, or nothing.
 *  @param source the file that `config` was loaded from, to be watched
 *  @throws SetupError when a certificate does not load or a port cannot be had. */
export async function startProxy(
  config: Config,
  observer: ProxyObserver,
  source?: ConfigSource,
): Promise<Proxy> {
  const open: Closable[] = [];
  try {
    const { streams, http, policies } = await compose(config, observer, open);
    const report = observer.restart.bind(observer);
    open.push(...(await watchRestartFiles(config, { source, report })));
    const ports = await streams.start();
    for (const [index, visibility] of streams.synVisibilities.entries()) {
      const listener = config.listeners[index]!;
      observer.signals.synVisibility(listener.name, synVisibilityOf(listener, visibility));
    }
    return {
      streams,
      ports,
      httpPort: http?.port,
      policies,
      refresh: () => refreshAll(open),
      async close(drainMs = config.timeouts.drainMs) {
        await Promise.all([streams.drain(drainMs), http?.close(drainMs)]);
        closeAll(open);
      },
    };
  } catch (error) {
    closeAll(open);
    throw error;
  }
}

interface Composed {
  readonly streams: StreamServer;
  readonly http: PublicHttp | undefined;
  readonly policies: PolicyRuntime;
}

async function compose(config: Config, observer: ProxyObserver, open: Closable[]): Promise<Composed> {
  const { timeouts } = config;
  const capabilities = await openCapabilities(config, observer.capabilities);
  if (capabilities !== undefined) open.push(capabilities);
  const certificateReport = observer.certificates.bind(observer);
  const provider = await openProvider(config, { observer: observer.http, certificateReport });
  if (provider !== undefined) open.push(provider);
  const policies = openPolicyRuntime({
    config: config.policy,
    media: openMediaAddresses(config, provider?.mediaTokens),
    ...(capabilities === undefined ? {} : { vocabulary: capabilities.vocabulary }),
    report: (report) => observer.policy(report),
    clock: () => Date.now(),
  });
  open.push(policies);
  const signals = await openSignals(config, {
    observer: observer.signals,
    decided: (audience, mode, decisions) => observer.decided(audience, mode, decisions),
    policies: () => policies.current,
    policyDigest: () => policies.digest,
  });
  open.push(signals);
  const { names } = policies;
  const underPolicy: Omit<PolicyStageOptions, 'random'> = {
    policies: () => policies.current,
    decided: (audience, mode, decisions) => observer.decided(audience, mode, decisions),
    clock: () => Date.now(),
  };
  const limits = streamLimits(config);
  const workspace = new Workspace(new SimdStructure(), limits);

  const [first, ...rest] = config.certificates.map((certificate, index) => ({
    name: `certificates[${index}]`,
    certFile: certificate.certFile,
    keyFile: certificate.keyFile,
    ...(certificate.domains === undefined ? {} : { domains: [...certificate.domains] }),
  }));
  const certificates = await CertificateStore.open({
    certificates: [first!, ...rest],
    report: (report) => observer.certificates(report),
  });
  open.push(certificates);

  const routes = new Map<string, GatekeeperRoute>();
  for (const gatekeeper of config.gatekeepers) {
    const credentials = await OutboundCredentials.open({
      name: gatekeeper.name,
      ...(gatekeeper.caFile === undefined ? {} : { caFile: gatekeeper.caFile }),
      ...(gatekeeper.clientCertFile === undefined || gatekeeper.clientKeyFile === undefined
        ? {}
        : { client: { certFile: gatekeeper.clientCertFile, keyFile: gatekeeper.clientKeyFile } }),
      report: (report) => observer.certificates(report),
    });
    open.push(credentials);
    const route = createGatekeeperRoute({
      name: gatekeeper.name,
      target: targetOf(gatekeeper),
      channelBinding: gatekeeper.channelBinding,
      credentials,
      attestations: signals.attestations(gatekeeper.name),
      resolver: systemResolver(),
      names,
      workspace,
      dialTimeoutMs: timeouts.dialMs,
    });
    for (const { domain, gatekeeper: name } of config.domains)
      if (name === gatekeeper.name) routes.set(domain.toLowerCase(), route);
  }

  const { loopDelayMs, memoryBytesMax } = config.overload;
  const load = new LoadMonitor(
    { loopDelayMsMax: loopDelayMs, memoryBytesMax: memoryBound(memoryBytesMax) },
    (report) => observer.load(report),
  );
  open.push(load);
  const overloaded = (): boolean => load.overloaded;
  const writeStalls = new WriteStallWatch({ writeStallMs: timeouts.writeStallMs });
  open.push(writeStalls);

  const streams = new StreamServer({
    listeners: config.listeners.map((listener) => signals.listener(listener)),
    capture: signals.capture,
    admission: new Admission({
      connectionsMax: config.limits.connectionsMax,
      connectionsPerAddressMax: config.limits.connectionsPerAddressMax || Number.MAX_SAFE_INTEGER,
    }),
    observe: (listener) => observer.session(listener),
    onRefused: (listener, code) => observer.refused(listener, code),
    session: {
      names,
      workspace,
      limits,
      preAuthenticationLimits: preAuthenticationLimits(config, limits),
      stages: inStageOrder([
        negotiationGuard,
        channelBindingGuard,
        ...reauthenticationStages(config, provider?.ownership, (...attempt) =>
          observer.reauthenticated(...attempt),
        ),
        ...(capabilities?.stages(names) ?? []),
        policyStage({ ...underPolicy, random: unpredictable }),
      ]),
      rendering: new Rendering({ names, limits, workspace: new Workspace(new SimdStructure(), limits) }),
      resumptions: new Resumptions(),
      delays: defaultDelayLimits,
      filterHeader: headerPolicy(underPolicy),
      route: (domain) => routes.get(domain),
      secure: async (socket, signal, onClientHello) => {
        const options = { certificates, handshakeTimeoutMs: timeouts.handshakeMs, signal, onClientHello };
        const { socket: secured, serverName, alpn, ...facts } = await secureClient(socket, options);
        const { handshakeMs: milliseconds, protocolVersion: version } = facts;
        return { socket: secured, handshake: { milliseconds, serverName, alpn, version } };
      },
      captured: (evidence) => signals.captured(evidence),
      writeStalls,
      preAuthenticationMs: timeouts.preAuthMs,
      closeGraceMs: timeouts.closeGraceMs,
      idleMs: timeouts.idleMs,
      rates: rateLimits(config),
      sessionAgeMs: () =>
        timeouts.sessionAgeMs === 0 ? 0 : timeouts.sessionAgeMs + jitter(timeouts.sessionAgeJitterMs),
      overloaded,
      now: () => performance.now(),
      schedule: systemTimers,
      clock: () => Date.now(),
    },
  });
  const http = await openHttp(config, provider, {
    observer: observer.http,
    certificateReport,
    certificates,
    policy: httpPolicy(
      () => policies.current,
      observer.decided.bind(observer),
      () => Date.now(),
    ),
    signals: signals.http,
    overloaded,
    attestationKeys: () => signals.keys()?.jwks().keys ?? [],
  });
  if (http !== undefined) open.push({ close: () => void http.close(0), refresh: () => http.refresh() });
  return { streams, http, policies };
}

/** Milliseconds from 0 to `most`. */
function jitter(mostMs: number): number {
  return Math.round(mostMs * unpredictable());
}

/** In [0, 1). */
function unpredictable(): number {
  return randomInt(2 ** 47) / 2 ** 47;
}

function streamLimits({ limits }: Config): StreamLimits {
  return {
    stanzaBytesMax: limits.stanzaBytesMax,
    tagBytesMax: limits.tagBytesMax,
    nameBytesMax: limits.nameBytesMax,
    depthMax: limits.depthMax,
    elementsMax: limits.elementsMax,
    attributesMax: limits.attributesMax,
    namespacesMax: limits.namespacesMax,
    normalFormGrowthMax: limits.normalFormGrowthMax,
    whitespaceBytesMax: limits.whitespaceBytesMax,
  };
}

function preAuthenticationLimits({ limits }: Config, later: StreamLimits): StreamLimits {
  return { ...later, stanzaBytesMax: limits.preAuthStanzaBytesMax, elementsMax: limits.preAuthElementsMax };
}

function rateLimits({ limits, timeouts }: Config): RateLimits {
  return {
    stanzasPerSecond: limits.stanzasPerSecondMax,
    stanzaBurst: limits.stanzaBurstMax,
    bytesPerSecond: limits.bytesPerSecondMax,
    paddingBytesPerSecond: limits.paddingBytesPerSecondMax,
    overLimitMs: timeouts.overRateMs,
  };
}

function targetOf({ connect }: GatekeeperConfig): Target {
  if ('srv' in connect) return { kind: 'srv', domain: connect.srv };
  const parsed = parseHostPort(connect.address);
  if (parsed.kind === 'malformed') throw new RangeError('the configuration was not checked');
  return { kind: 'address', ...parsed.address, tls: connect.tls };
}
