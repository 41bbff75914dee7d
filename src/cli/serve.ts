/** `narthex serve`: the proxy and its admin port, until a signal drains them. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createAdminApp, type Readiness } from '../http/admin/app.ts';
import { adminServeLimits, serveHttp } from '../http/server/serve.ts';
import { FileStates } from '../observability/file-states.ts';
import { label } from '../observability/label.ts';
import { openLog } from '../observability/log.ts';
import { createMetrics } from '../observability/metrics.ts';
import { SessionGauge } from '../observability/session-gauge.ts';
import { openTracing } from '../observability/tracing.ts';
import { adminApiOf } from '../app/parts/admin-api.ts';
import type { ConfigSource } from '../app/files/restart-files.ts';
import { startProxy, type Proxy } from '../app/proxy.ts';
import { exitCodes } from './exit.ts';
import { createObserver } from '../app/telemetry/observe.ts';
import { productVersion } from '../app/version.ts';

const help = `
Everything starts or nothing does: a wrong configuration, a certificate that does not load or a port in use ends the
command before the first connection.

Policies, capability profiles, certificates and keys that change on disk are taken over while it runs; SIGHUP and
POST /api/reload read all of them at once. Files that cannot be used are rejected: what is in force stays, and the log,
/readyz and /api/reload name file, line, column and remedy. narthex.yaml, the catalogue and the obligations take effect at
the next start; a change in them is reported as restart-required.

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
      const options = { file, environment: process.env, folder: process.cwd() };
      const { config, file: path } = await loadConfig(options);
      await serve(shadow === undefined ? config : { ...config, policy: { ...config.policy, shadow } }, {
        file: path,
        check: () => loadConfig(options),
      });
      process.exitCode = exitCodes.ok;
    });
}

async function serve(config: Config, source: ConfigSource): Promise<void> {
  const version = productVersion();
  const log = openLog({ level: config.log.level, now: () => Date.now() });
  const metrics = createMetrics({ version, processMetrics: true });
  const tracing = await openTracing({
    endpoint: config.tracing.otlpEndpoint,
    version,
    failed: () => log.write('tracing.failed', {}),
  });
  const gauge = new SessionGauge();
  const files = new FileStates();
  const observer = createObserver({ log, metrics, tracing, gauge, files, now: () => performance.now() });

  let proxy: Proxy | undefined;
  const stop = stopRequest();
  const refresh = async (by: 'signal' | 'api'): Promise<void> => {
    log.write('reload.requested', { by });
    await proxy?.refresh();
  };
  // Its default would end the process. Daemons reload by it, and files may change before the proxy has started.
  process.on('SIGHUP', () => void refresh('signal'));
  const admin = await serveHttp({
    app: createAdminApp({
      metrics,
      callers: config.admin,
      api: () =>
        proxy && adminApiOf(proxy, { gauge, files, refresh: () => refresh('api'), drain: stop.request }),
      probes: {
        started: () => proxy !== undefined,
        readiness: () => ({
          draining: proxy?.streams.draining ?? false,
          listeners: portNames(config).map((name) => ({
            name: label(name),
            state: proxy === undefined || proxy.streams.draining ? 'closed' : 'open',
          })),
          policy: proxy === undefined ? null : policyInForce(proxy),
          files: files.summary(),
        }),
      },
    }),
    host: config.admin.host,
    port: config.admin.port,
    limits: adminServeLimits,
  });
  try {
    proxy = await startProxy(config, observer, source);
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

function policyInForce({ policies }: Proxy): Readiness['policy'] {
  const { name, mode } = policies.documents.enforced;
  return { name, mode };
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
