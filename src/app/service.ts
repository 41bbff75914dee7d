/** The proxy as an operator runs it: telemetry, admin port and proxy, from start to stop. */
import type { Config } from '../config/schema.ts';
import type { AdminApi } from '../http/admin/api.ts';
import { createAdminApp, type AdminParts, type Readiness } from '../http/admin/app.ts';
import { adminServeLimits, serveHttp } from '../http/server/serve.ts';
import { digest, version } from '../observability/identifiers.ts';
import type { Metrics } from '../observability/metrics.ts';
import { label } from '../observability/label.ts';
import { systemClock } from './clock.ts';
import type { ConfigSource } from './files/restart-files.ts';
import { assemble, type Parts } from './part.ts';
import { createAdminApi } from './parts/admin-api.ts';
import type { RecordingOptions } from './parts/recording.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { digestFields } from './telemetry/files.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { productVersion } from './version.ts';
import type { WorkerQuestions } from './workers/messages.ts';
import type { WorkerLink } from './workers/worker-link.ts';

/** Milliseconds for pending requests of the admin port when the proxy stops. */
const adminGraceMs = 1_000;

/** Controls a running service from outside: reload and stop. */
export interface ServiceControl {
  /** Resolves when the service must stop. */
  readonly stopped: Promise<void>;
  /** Resolves `stopped`. */
  readonly stop: () => void;
  /** Sets the function that a signal calls to read the files again. */
  readonly onReload: (reload: () => void) => void;
  /** Sets the function that a second signal calls before it ends this process. */
  readonly beforeEnd: (task: () => void) => void;
  /** Called when log lines cannot be written, with the system's code. The service goes on. */
  readonly logFailed: (systemCode: string) => void;
}

export interface ServiceOptions {
  /** Set to record streams. */
  readonly recording?: RecordingOptions | undefined;
  /** Set in one of several processes that serve the same ports; its supervisor has the admin port. */
  readonly worker?: WorkerLink | undefined;
}

/** Runs a proxy with its admin port until it must stop, then drains it.
 *  @throws SetupError, ConfigError when it cannot start; nothing is left open */
export async function runService(
  config: Config,
  source: ConfigSource,
  control: ServiceControl,
  { recording, worker }: ServiceOptions = {},
): Promise<void> {
  const service = await assemble(async (parts) => {
    const telemetry = parts.track(
      await openTelemetry(config, {
        version: productVersion(),
        processMetrics: true,
        clock: systemClock,
        worker: worker?.index,
        logFailed: control.logFailed,
      }),
    );
    const { log, metrics } = telemetry;
    const { connectionsMax, resumptionsMax, resumptionBytesMax } = config.limits;
    metrics.limitsAre({ connectionsMax, resumptionsMax, resumptionBytesMax });
    let proxy: Proxy | undefined;
    const reload = async (by: 'signal' | 'api'): Promise<void> => {
      log.write('reload.requested', { by });
      await proxy?.refresh();
    };
    // Set before the start: the default of the signal ends the process.
    control.onReload(() => void reload('signal'));
    const admin = adminOptions(config, telemetry, () => proxy, {
      reload: () => reload('api'),
      drain: control.stop,
    });
    if (worker === undefined) log.write('admin.opened', { port: await openAdmin(config, admin, parts) });
    else worker.answer(answersOf(admin, metrics));
    proxy = await startProxy(config, telemetry.observer, { source, recording, worker });
    logStart(config, proxy, telemetry);
    worker?.started({ listeners: proxy.ports, http: proxy.httpPort });
    return { proxy, telemetry };
  });
  await control.stopped;
  try {
    await drain(config, service.proxy, service.telemetry);
  } finally {
    await service.close();
  }
}

/** Opens the admin port.
 *  @returns its number
 *  @throws ListenError */
async function openAdmin(
  { admin: { host, port } }: Config,
  admin: AdminParts,
  parts: Parts,
): Promise<number> {
  const served = await serveHttp({ app: createAdminApp(admin), host, port, limits: adminServeLimits });
  parts.track({ close: () => served.close(adminGraceMs) });
  return served.port;
}

/** Returns what a worker answers its supervisor. The functions of the API throw until the proxy has started. */
function answersOf({ api, probes }: AdminParts, { snapshot }: Metrics): WorkerQuestions {
  const started = (): AdminApi => {
    const running = api();
    if (running === undefined) throw new Error('the proxy has not started');
    return running;
  };
  return {
    readiness: () => probes.readiness(),
    metrics: snapshot,
    sessions: () => started().sessions(),
    refusal: (code) => started().refusal(code),
    exposure: () => started().exposure(),
    audit: (gatekeeper) => started().audit(gatekeeper),
    policy: () => started().policy(),
    explain: (request) => started().explain(request),
    reload: () => started().reload(),
    shed: (share) => started().shed(share),
  };
}

function adminOptions(
  { admin, listeners, http }: Config,
  { metrics, gauge, files }: Telemetry,
  running: () => Proxy | undefined,
  { reload, drain }: { readonly reload: () => Promise<void>; readonly drain: () => void },
): AdminParts {
  const ports = [...listeners.map(({ name }) => name), ...(http === undefined ? [] : ['http'])];
  const readiness = (): Readiness => {
    const proxy = running();
    const draining = proxy?.streams.draining ?? false;
    const state = proxy === undefined || draining ? 'closed' : 'open';
    return {
      draining,
      listeners: ports.map((name) => ({ name: label(name), state })),
      ...policiesInForce(proxy),
      files: files.summary(),
    };
  };
  return {
    metrics,
    callers: admin,
    api: () => {
      const proxy = running();
      return (
        proxy && createAdminApi(proxy, { metrics, gauge, files, refresh: reload, drain, clock: systemClock })
      );
    },
    probes: { started: () => running() !== undefined, readiness },
  };
}

function policiesInForce(proxy: Proxy | undefined): Pick<Readiness, 'policy' | 'gatekeeperPolicies'> {
  const [top, ...others] = (proxy?.policies.scopes ?? []).map(({ name: { gatekeeper }, documents }) => {
    const { name, mode } = documents.enforced;
    const share = documents.share.map(({ percent, policy }) => ({
      percent,
      name: policy.name,
      mode: policy.mode,
    }));
    return [gatekeeper ?? '', { name, mode, share }] as const;
  });
  return { policy: top?.[1] ?? null, gatekeeperPolicies: Object.fromEntries(others) };
}

function logStart(config: Config, proxy: Proxy, { log }: Telemetry): void {
  config.listeners.forEach(({ name, tls }, index) =>
    log.write('listener.opened', { listener: label(name), port: proxy.ports[index]!, tls }),
  );
  if (proxy.httpPort !== undefined) log.write('http.opened', { port: proxy.httpPort });
  const profilesDigest = proxy.profilesDigest();
  log.write('proxy.started', {
    version: version(productVersion()),
    listeners: config.listeners.length,
    domains: config.domains.length,
    gatekeepers: config.gatekeepers.length,
    ...digestFields(proxy.policies.digests),
    ...(profilesDigest !== undefined && { profilesDigest: digest(profilesDigest) }),
  });
}

async function drain(
  { timeouts: { drainMs } }: Config,
  proxy: Proxy,
  { log, metrics, clock }: Telemetry,
): Promise<void> {
  const started = clock.monotonic();
  metrics.draining();
  const { sessions } = proxy.streams;
  log.write('proxy.draining', { sessions, drainMs });
  await proxy.close();
  log.write('proxy.stopped', { sessions, durationMs: Math.round(clock.monotonic() - started) });
}
