/** The proxy as an operator runs it: telemetry, admin port and proxy, from start to stop. */
import type { Config } from '../config/schema.ts';
import { createAdminApp, type AdminParts, type Readiness } from '../http/admin/app.ts';
import { adminServeLimits, serveHttp } from '../http/server/serve.ts';
import { digest, version } from '../observability/identifiers.ts';
import { label } from '../observability/label.ts';
import { systemClock } from './clock.ts';
import type { ConfigSource } from './files/restart-files.ts';
import { assemble } from './part.ts';
import { createAdminApi } from './parts/admin-api.ts';
import type { RecordingOptions } from './parts/recording.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { digestFields } from './telemetry/files.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { productVersion } from './version.ts';

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
  /** Called when log lines cannot be written, with the system's code. The service goes on. */
  readonly logFailed: (systemCode: string) => void;
}

/** Runs a proxy with its admin port until it must stop, then drains it.
 *  @param recording set to record streams
 *  @throws SetupError, ConfigError when it cannot start; nothing is left open */
export async function runService(
  config: Config,
  source: ConfigSource,
  control: ServiceControl,
  recording?: RecordingOptions,
): Promise<void> {
  const service = await assemble(async (parts) => {
    const telemetry = parts.track(
      await openTelemetry(config, {
        version: productVersion(),
        processMetrics: true,
        clock: systemClock,
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
    const app = createAdminApp(
      adminOptions(config, telemetry, () => proxy, { reload: () => reload('api'), drain: control.stop }),
    );
    const { host, port } = config.admin;
    const admin = await serveHttp({ app, host, port, limits: adminServeLimits });
    parts.track({ close: () => admin.close(adminGraceMs) });
    proxy = await startProxy(config, telemetry.observer, { source, recording });
    logStart(config, proxy, admin.port, telemetry);
    return { proxy, telemetry };
  });
  await control.stopped;
  try {
    await drain(config, service.proxy, service.telemetry);
  } finally {
    await service.close();
  }
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

function logStart(config: Config, proxy: Proxy, adminPort: number, { log }: Telemetry): void {
  log.write('admin.opened', { port: adminPort });
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
