/** `narthex serve`: the proxy and its admin port, until a signal drains them. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createAdminApp } from '../http/admin/app.ts';
import { adminServeLimits, serveHttp } from '../http/server/serve.ts';
import { label } from '../observability/label.ts';
import { openLog } from '../observability/log.ts';
import { createMetrics } from '../observability/metrics.ts';
import { SessionGauge } from '../observability/session-gauge.ts';
import { openTracing } from '../observability/tracing.ts';
import { adminApiOf } from '../app/parts/admin-api.ts';
import { startProxy, type Proxy, type ProxyObserver } from '../app/proxy.ts';
import { exitCodes } from './exit.ts';
import { createObserver } from '../app/telemetry/observe.ts';
import { productVersion } from '../app/version.ts';

const help = `
Everything starts or nothing does: a wrong configuration, a certificate that does not load or a port in use ends the
command before the first connection. Changed certificate files are taken over while it runs.

SIGTERM or SIGINT drains: readiness fails, no connection is accepted, sessions may end by themselves for
timeouts.drainMs, the rest is told system-shutdown so that clients connect elsewhere. A second signal ends at once.

Exit codes: 0 drained, 66 no such file, 69 a port cannot be had, 78 wrong configuration.`;

/** For requests to the admin port that are under way when the proxy stops, in milliseconds. */
const adminGraceMs = 1_000;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('serve')
    .description('Run the proxy that narthex.yaml describes.')
    .argument('[file]', 'configuration; by default $NARTHEX_CONFIG, then narthex.yaml')
    .option('--shadow <policy>', 'count what another policy would decide, and change nothing')
    .addHelpText('after', help)
    .action(async (file: string | undefined, { shadow }: { shadow?: string }) => {
      const { config } = await loadConfig({ file, environment: process.env, folder: process.cwd() });
      await serve(shadow === undefined ? config : { ...config, policy: { ...config.policy, shadow } });
      process.exitCode = exitCodes.ok;
    });
}

async function serve(config: Config): Promise<void> {
  const version = productVersion();
  const log = openLog({ level: config.log.level, now: () => Date.now() });
  const metrics = createMetrics({ version, processMetrics: true });
  const tracing = await openTracing({
    endpoint: config.tracing.otlpEndpoint,
    version,
    failed: () => log.write('tracing.failed', {}),
  });
  let certificates: 'loaded' | 'kept' = 'loaded';
  let policy: 'loaded' | 'kept' = 'loaded';
  const gauge = new SessionGauge();
  const inner = createObserver({ log, metrics, tracing, gauge, now: () => performance.now() });
  const observer: ProxyObserver = {
    session: (listener) => inner.session(listener),
    refused: (listener, code) => inner.refused(listener, code),
    policy(report) {
      if (report.kind === 'kept') policy = 'kept';
      else if (report.kind === 'reloaded') policy = 'loaded';
      inner.policy(report);
    },
    reauthenticated: inner.reauthenticated,
    decided: (audience, mode, decisions) => inner.decided(audience, mode, decisions),
    capabilities: inner.capabilities,
    http: inner.http,
    signals: inner.signals,
    certificates(report) {
      if (report.kind === 'kept') certificates = 'kept';
      else if (report.kind === 'reloaded') certificates = 'loaded';
      inner.certificates(report);
    },
  };

  let proxy: Proxy | undefined;
  const stop = stopRequest();
  const admin = await serveHttp({
    app: createAdminApp({
      metrics,
      callers: config.admin,
      api: () =>
        proxy && adminApiOf(proxy, { gauge, states: () => ({ certificates, policy }), drain: stop.request }),
      probes: {
        started: () => proxy !== undefined,
        readiness: () => ({
          draining: proxy?.streams.draining ?? false,
          listeners: portNames(config).map((name) => ({
            name: label(name),
            state: proxy === undefined || proxy.streams.draining ? 'closed' : 'open',
          })),
          certificates,
          policy,
        }),
      },
    }),
    host: config.admin.host,
    port: config.admin.port,
    limits: adminServeLimits,
  });
  try {
    proxy = await startProxy(config, observer);
    log.write('admin.opened', { port: admin.port });
    config.listeners.forEach(({ name, tls }, index) =>
      log.write('listener.opened', { listener: label(name), port: proxy!.ports[index]!, tls }),
    );
    if (proxy.httpPort !== undefined) log.write('http.opened', { port: proxy.httpPort });
    log.write('proxy.started', {
      listeners: config.listeners.length,
      domains: config.domains.length,
      gatekeepers: config.gatekeepers.length,
    });
    await stop.requested;
    const started = performance.now();
    const { sessions } = proxy.streams;
    log.write('proxy.draining', { sessions, drainMs: config.timeouts.drainMs });
    await proxy.close();
    log.write('proxy.stopped', { sessions, durationMs: Math.round(performance.now() - started) });
  } finally {
    await admin.close(adminGraceMs);
    await tracing.shutdown();
  }
}

function portNames({ listeners, http }: Config): readonly string[] {
  return [...listeners.map(({ name }) => name), ...(http === undefined ? [] : ['http'])];
}

/** Resolves with the first signal or request; a second signal ends the process, as it would have without us. */
function stopRequest(): { readonly requested: Promise<void>; readonly request: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  return { requested: promise, request: resolve };
}
