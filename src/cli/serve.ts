/** `narthex serve`: the proxy and its admin port, until a signal drains them. */
import { availableParallelism, constants } from 'node:os';
import type { Command } from 'commander';
import { systemClock } from '../app/clock.ts';
import type { ConfigSource } from '../app/files/restart-files.ts';
import type { RecordingOptions } from '../app/parts/recording.ts';
import { runService, type ServiceControl, type ServiceOptions } from '../app/service.ts';
import { superviseWorkers, WorkerFailed } from '../app/workers/supervisor.ts';
import { linkOfWorker } from '../app/workers/worker-link.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { standardInput } from '../documents/read.ts';
import { exitCodes } from '../errors/exit.ts';
import { parseDuration, parseSize } from '../policy/quantity.ts';
import { reportOutput } from './report.ts';
import { misused } from './input-error.ts';

const help = `
Everything starts or nothing does: a wrong configuration, a certificate that does not load or a port in use ends the
command before the first connection.

Policies, capability profiles, certificates and keys that change on disk are taken over while it runs; SIGHUP and
POST /api/reload read all of them at once. Files that cannot be used are rejected: what is in force stays, and the log,
/readyz and /api/reload name file, line, column and remedy. narthex.yaml, the catalogue and the obligations take effect at
the next start; a change in them is reported as restart-required.

--record writes what streams carry to a file, to be measured with \`narthex audit\`: sizes, times, and stanzas with tokens for
their values (docs/recording.md). --record-for and --record-bytes are required with it; it ends by itself, and the log says
when.

--workers runs several processes on the same ports, watched by one more that has the admin port (docs/workers.md). Limits of
narthex.yaml hold for each of them. They need \`policy.keyFiles\`, as replicas do.

SIGTERM or SIGINT drains: readiness fails, no connection is accepted, and the sessions end one after another over
timeouts.drainSpreadMs, so that clients connect elsewhere (docs/draining.md). A second signal ends at once.

Example:
  $ narthex serve narthex.yaml --record sample.jsonl --record-for 10m --record-bytes 64MiB

Exit codes: 0 drained, 64 wrong usage, 66 no such file, 69 a port cannot be had, 73 the recording cannot be created, 78 wrong
configuration.`;

/** Bounds of a recording. */
const recordForMsMax = 86_400_000;
const recordBytesMin = 65_536;

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('serve')
    .description('Run the proxy that narthex.yaml describes.')
    .argument('[file]', 'configuration; by default $NARTHEX_CONFIG, then narthex.yaml')
    .option(
      '--shadow <policy>',
      'count what another policy would decide, at every gatekeeper, and change nothing',
    )
    .option(
      '--workers <count>',
      'processes that serve the ports together: a number, or auto for one per processor',
    )
    .option('--record <file>', 'record what streams carry, with tokens for values, in a new file')
    .option('--record-for <duration>', 'how long, such as 10m; at most 24h')
    .option('--record-bytes <size>', 'how much, such as 64MiB; at least 64KiB')
    .addHelpText('after', help)
    .action(async (file: string | undefined, { shadow, workers, ...record }: ServeOptions) => {
      if (file === standardInput.path)
        throw misused('serve reads its configuration again while it runs: give a file');
      const recording = recordingOf(record);
      const count = workersOf(workers);
      if (count > 1 && recording !== undefined)
        throw misused('--record needs one process: leave out --workers');
      const worker = linkOfWorker(process.env, process);
      const processes = worker?.processes ?? count;
      const options = { file, environment: process.env, folder: process.cwd(), processes };
      const { config, file: path } = await loadConfig(options);
      const source = { file: path, check: () => loadConfig(options) };
      const wanted = shadow === undefined ? config : withShadow(config, shadow);
      if (count > 1)
        await runWorkers(wanted, count, [path, ...(shadow === undefined ? [] : ['--shadow', shadow])]);
      else await runAlone(wanted, source, { recording, worker });
      process.exitCode = exitCodes.ok;
      // Has no effect unless something is still open, such as a DNS query, for which Node would keep the process.
      setTimeout(() => process.exit(), endMs).unref();
    });
}

/** Milliseconds from the end of the proxy to that of its process, at most. */
const endMs = 2_000;

/** Runs the proxy in this process, which may be one of several. */
async function runAlone(
  config: Config,
  source: ConfigSource,
  { recording, worker }: ServiceOptions,
): Promise<void> {
  const control = processControl();
  worker?.onStop(control.stop);
  try {
    await runService(worker?.atPorts(config) ?? config, source, control, { recording, worker });
  } finally {
    worker?.leave();
  }
}

/** Runs several processes of this program.
 *  @param args of each, after `serve`
 *  @throws SetupError when the admin port cannot be opened */
async function runWorkers(config: Config, workers: number, args: readonly string[]): Promise<void> {
  const control = processControl();
  try {
    await superviseWorkers(config, {
      workers,
      command: { main: process.argv[1]!, args: ['serve', ...args] },
      control,
      clock: systemClock,
    });
  } catch (error) {
    if (!(error instanceof WorkerFailed)) throw error;
    // The worker has printed why.
    process.exit(error.end.code ?? exitCodes.software);
  }
}

/** Most processes that a machine is asked for. */
const workersMax = 256;

/** Returns the number of processes.
 *  @throws InputError ERR_OPTION */
function workersOf(text: string | undefined): number {
  if (text === undefined) return 1;
  if (text === 'auto') return availableParallelism();
  const count = /^[1-9][0-9]{0,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= workersMax)) throw misused(`--workers takes a number from 1 to ${workersMax}, or auto`);
  return count;
}

interface ServeOptions extends RecordOptions {
  readonly shadow?: string;
  readonly workers?: string;
}

interface RecordOptions {
  readonly record?: string;
  readonly recordFor?: string;
  readonly recordBytes?: string;
}

/** Returns what is to be recorded; undefined without `--record`.
 *  @throws InputError ERR_OPTION */
function recordingOf({ record, recordFor, recordBytes }: RecordOptions): RecordingOptions | undefined {
  if (record === undefined && recordFor === undefined && recordBytes === undefined) return undefined;
  if (record === undefined || recordFor === undefined || recordBytes === undefined)
    throw misused('--record, --record-for and --record-bytes are given together or not at all');
  const durationMs = parseDuration(recordFor);
  if (durationMs === undefined || durationMs > recordForMsMax)
    throw misused('--record-for takes a duration such as 90s or 10m, at most 24h');
  const bytesMax = parseSize(recordBytes);
  if (bytesMax === undefined || bytesMax < recordBytesMin)
    throw misused('--record-bytes takes a size such as 64MiB, at least 64KiB');
  return { file: record, durationMs, bytesMax };
}

/** Returns the configuration with this shadow for the policy of every gatekeeper. */
function withShadow(config: Config, shadow: string): Config {
  return {
    ...config,
    policy: { ...config.policy, shadow },
    gatekeepers: config.gatekeepers.map((gatekeeper) =>
      gatekeeper.policy === undefined
        ? gatekeeper
        : Object.assign({}, gatekeeper, { policy: { ...gatekeeper.policy, shadow } }),
    ),
  };
}

/** Stops at the first SIGTERM or SIGINT, or by `stop`; a second signal ends the process. Reloads at SIGHUP. */
function processControl(): ServiceControl {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let beforeEnd: (() => void) | undefined;
  const first = (): void => {
    resolve();
    for (const signal of stopSignals) process.off(signal, first).once(signal, second);
  };
  // The default of a signal does not end the first process of a container.
  const second = (signal: (typeof stopSignals)[number]): void => {
    beforeEnd?.();
    process.exit(signalExit + constants.signals[signal]);
  };
  for (const signal of stopSignals) process.on(signal, first);
  return {
    stopped,
    stop: resolve,
    onReload: (reload) => process.on('SIGHUP', reload),
    beforeEnd: (task) => (beforeEnd = task),
    logFailed: (systemCode) => void reportOutput(systemCode, process.stderr),
  };
}

const stopSignals = ['SIGTERM', 'SIGINT'] as const;

/** Exit code of a process that a signal ended, less the number of the signal, as shells have it. */
const signalExit = 128;
