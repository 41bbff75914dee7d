/** Several processes that serve the same ports, and the one that starts, watches and stops them. The supervisor has the admin
 *  port: metrics and answers of all workers, made one. It reads no byte of a client. */
import type { Config } from '../../config/schema.ts';
import { createAdminApp, type AdminParts, type Readiness } from '../../http/admin/app.ts';
import type { AdminApi } from '../../http/admin/api.ts';
import { HttpProblem } from '../../http/problem.ts';
import { adminServeLimits, serveHttp } from '../../http/server/serve.ts';
import { AggregatedMetrics, type MetricsSnapshot } from '../../observability/aggregate.ts';
import { FileStates } from '../../observability/file-states.ts';
import { openLog, type Log } from '../../observability/log.ts';
import type { Clock } from '../clock.ts';
import { assemble } from '../part.ts';
import { httpLimits } from '../parts/http-plane.ts';
import { memoryStore } from '../parts/state.ts';
import type { ServiceControl } from '../service.ts';
import type { Answers } from './channel.ts';
import {
  mergeAudit,
  mergeExposure,
  mergeFiles,
  mergeReadiness,
  mergeRefusals,
  mergeSessions,
  type Answered,
} from './merge.ts';
import type { SupervisorQuestions, WorkerPorts } from './messages.ts';
import { WorkerProcess, type WorkerCommand, type WorkerEnd } from './worker-process.ts';

/** Wait before a crashed worker is started again: doubled each time, and back to the first after a minute of service. */
const restartMsMin = 100;
const restartMsMax = 30_000;
const healthyMs = 60_000;

/** Milliseconds for pending requests of the admin port when the service stops. */
const adminGraceMs = 1_000;

export interface SupervisorOptions {
  /** Number of workers, at least 2. */
  readonly workers: number;
  readonly command: WorkerCommand;
  readonly control: ServiceControl;
  readonly clock: Clock;
}

/** A worker could not start for the first time. It has said why. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
  readonly end: WorkerEnd;

  constructor(end: WorkerEnd) {
    super('a worker did not start');
    this.end = end;
  }
}

/** Runs the workers until the service must stop, then drains them.
 *  @throws WorkerFailed when one does not start; SetupError when the admin port cannot be opened. Nothing is left running. */
export async function superviseWorkers(config: Config, options: SupervisorOptions): Promise<void> {
  const supervisor = new Supervisor(config, options);
  const service = await assemble(async (parts) => {
    const admin = await serveHttp({
      app: createAdminApp(supervisor.adminParts()),
      host: config.admin.host,
      port: config.admin.port,
      limits: adminServeLimits,
    });
    parts.track({ close: () => admin.close(adminGraceMs) });
    supervisor.log.write('admin.opened', { port: admin.port });
    options.control.onReload(() => void supervisor.reload());
    options.control.beforeEnd(() => supervisor.kill());
    try {
      await Promise.race([supervisor.start(), options.control.stopped]);
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
    return {};
  });
  await options.control.stopped;
  await supervisor.stop();
  await service.close();
}

interface Slot {
  worker: WorkerProcess | undefined;
  restartMs: number;
}

class Supervisor {
  readonly log: Log;
  readonly #config: Config;
  readonly #options: SupervisorOptions;
  readonly #metrics = new AggregatedMetrics();
  readonly #slots: Slot[] = [];
  readonly #answers: Answers;
  readonly #timers = new Set<NodeJS.Timeout>();
  #ports: WorkerPorts | undefined;
  #started = false;
  #stopping = false;

  constructor(config: Config, options: SupervisorOptions) {
    const { clock, control } = options;
    this.#config = config;
    this.#options = options;
    this.log = openLog({
      level: config.log.level,
      now: clock.wall,
      failed: (systemCode) => control.logFailed(systemCode),
    });
    const store = memoryStore(config.limits, { limits: httpLimits(config.http), clock });
    const answers: SupervisorQuestions = {
      get: (kind, name) => store.get(kind, name),
      set: (kind, name, value, ttlMs) => store.set(kind, name, value, ttlMs),
      claim: (kind, name, value, ttlMs) => store.claim(kind, name, value, ttlMs),
      delete: (kind, name) => store.delete(kind, name),
    };
    this.#answers = answers as unknown as Answers;
  }

  /** Starts the first worker, whose ports the others share, and then those, unless it is stopped meanwhile.
   *  @throws WorkerFailed */
  async start(): Promise<void> {
    this.#ports = await this.#firstStart(0);
    if (this.#stopping) return;
    const others = Array.from({ length: this.#options.workers - 1 }, (_, index) =>
      this.#firstStart(index + 1),
    );
    await Promise.all(others);
    this.#started = true;
    for (const [index, { worker }] of this.#slots.entries()) this.#watch(index, worker!);
  }

  async #firstStart(index: number): Promise<WorkerPorts> {
    const worker = this.#fork(index);
    this.#slots[index] = { worker, restartMs: restartMsMin };
    const failed = worker.ended.then((end) => Promise.reject(new WorkerFailed(end)));
    return await Promise.race([worker.started, failed]);
  }

  #fork(index: number): WorkerProcess {
    const { command, workers: processes } = this.#options;
    return new WorkerProcess({ index, processes, command, ports: this.#ports, answers: this.#answers });
  }

  /** Starts a worker again whenever it ends. */
  #watch(index: number, worker: WorkerProcess): void {
    const since = this.#options.clock.monotonic();
    void worker.ended.then((end) => this.#restart(index, worker, end, since));
  }

  /** @param since when it was started, in monotonic milliseconds */
  #restart(index: number, worker: WorkerProcess, end: WorkerEnd, since: number): void {
    if (this.#stopping) return;
    const slot = this.#slots[index]!;
    const servedMs = this.#options.clock.monotonic() - since;
    const restartMs = servedMs > healthyMs ? restartMsMin : slot.restartMs;
    slot.restartMs = Math.min(2 * restartMs, restartMsMax);
    slot.worker = undefined;
    this.#metrics.ended(worker.seen);
    this.#metrics.restarted();
    this.log.write('worker.ended', {
      worker: index,
      ...(end.code !== null && { exitCode: end.code }),
      restartMs,
    });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      slot.worker = this.#fork(index);
      this.#watch(index, slot.worker);
    }, restartMs);
    this.#timers.add(timer);
  }

  /** Lets every worker drain, and waits for their ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const workers = this.#workers();
    this.log.write('workers.draining', { workers: workers.length });
    for (const worker of workers) worker.stop();
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#stopping = true;
    for (const worker of this.#workers()) worker.kill();
  }

  #workers(): readonly WorkerProcess[] {
    return this.#slots.flatMap(({ worker }) => worker ?? []);
  }

  async reload(): Promise<void> {
    await this.#ask(({ questions }) => questions.reload());
  }

  adminParts(): AdminParts {
    return {
      callers: this.#config.admin,
      metrics: { contentType: this.#metrics.contentType, text: () => this.#metricsText() },
      api: () => (this.#started ? this.#api() : undefined),
      probes: {
        started: () => this.#started,
        readiness: async () => {
          const answers = await this.#ask(({ questions }) => questions.readiness());
          if (!isAnswered(answers)) return nothingServed(this.#stopping);
          return { ...mergeReadiness(answers), draining: this.#stopping };
        },
      },
    };
  }

  #api(): AdminApi {
    const { exposureRowsMax } = this.#config.admin;
    return {
      sessions: async () => mergeSessions(await this.#ask(({ questions }) => questions.sessions())),
      refusal: async (code) => mergeRefusals(await this.#all(({ questions }) => questions.refusal(code))),
      exposure: async () =>
        mergeExposure(await this.#all(({ questions }) => questions.exposure()), exposureRowsMax),
      audit: async (gatekeeper) => {
        const views = (await this.#all(({ questions }) => questions.audit(gatekeeper))).filter(
          (view) => view !== undefined,
        );
        return isAnswered(views) ? mergeAudit(views, exposureRowsMax) : undefined;
      },
      policy: async () => (await this.#all(({ questions }) => questions.policy()))[0],
      explain: async (request) => (await this.#all(({ questions }) => questions.explain(request)))[0],
      reload: async () => mergeFiles(await this.#all(({ questions }) => questions.reload())),
      shed: async (share) =>
        (await this.#ask(({ questions }) => questions.shed(share))).reduce(
          (total, ended) => total + ended,
          0,
        ),
      drain: this.#options.control.stop,
    };
  }

  #metricsText(): Promise<string> {
    const live = this.#ask(async (worker): Promise<MetricsSnapshot> => {
      try {
        worker.seen = await worker.questions.metrics();
      } catch {
        // One that does not answer counts with what it last said.
      }
      return worker.seen;
    });
    return this.#metrics.text(live);
  }

  /** Returns the answers of all workers that serve, without those that give none. */
  async #ask<T>(question: (worker: WorkerProcess) => Promise<T>): Promise<T[]> {
    const workers = this.#workers().filter(({ serves }) => serves);
    const answers = await Promise.allSettled(workers.map(question));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** @throws HttpProblem ERR_NOT_READY when no worker answers */
  async #all<T>(question: (worker: WorkerProcess) => Promise<T>): Promise<Answered<T>> {
    const answers = await this.#ask(question);
    if (!isAnswered(answers)) throw new HttpProblem('ERR_NOT_READY');
    return answers;
  }
}

function nothingServed(draining: boolean): Readiness {
  return {
    draining,
    listeners: [],
    policy: null,
    gatekeeperPolicies: {},
    files: new FileStates().summary(),
  };
}

function isAnswered<T>(answers: readonly T[]): answers is Answered<T> {
  return answers.length > 0;
}
