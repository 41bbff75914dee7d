/** One worker as the supervisor sees it: a process that is started, asked, stopped, and started again after a crash. */
import { fork, type ChildProcess } from 'node:child_process';
import type { MetricsSnapshot } from '../../observability/aggregate.ts';
import { Channel, remote, type Answers, type Remote } from './channel.ts';
import type { WorkerPorts, WorkerQuestions } from './messages.ts';

/** How the process of a worker is started. */
export interface WorkerCommand {
  /** The program's own entry point. */
  readonly main: string;
  readonly args: readonly string[];
}

export interface WorkerProcessOptions {
  /** Number of the worker, from 0. */
  readonly index: number;
  /** How many workers there are. */
  readonly processes: number;
  readonly command: WorkerCommand;
  /** Ports that the first worker has opened; undefined for the first. */
  readonly ports: WorkerPorts | undefined;
  /** Functions that the worker may call. */
  readonly answers: Answers;
}

/** How a process ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Name of the environment variable that makes a process a worker. Its value is a WorkerAssignment in JSON. */
export const workerVariable = 'NARTHEX_WORKER';

export interface WorkerAssignment {
  readonly index: number;
  /** How many workers there are. */
  readonly processes: number;
  readonly ports?: WorkerPorts;
}

export class WorkerProcess {
  readonly index: number;
  readonly questions: Remote<WorkerQuestions>;
  /** Resolves with its ports when it serves; never for a process that ends before. */
  readonly started: Promise<WorkerPorts>;
  readonly ended: Promise<WorkerEnd>;
  /** The newest metrics that a scrape has seen. */
  seen: MetricsSnapshot = [];
  serves = false;
  readonly #child: ChildProcess;
  readonly #channel: Channel;

  constructor({ index, processes, command, ports, answers }: WorkerProcessOptions) {
    this.index = index;
    const assignment: WorkerAssignment = { index, processes, ...(ports !== undefined && { ports }) };
    this.#child = fork(command.main, command.args, {
      env: { ...process.env, [workerVariable]: JSON.stringify(assignment) },
      serialization: 'advanced',
    });
    const started = Promise.withResolvers<WorkerPorts>();
    this.started = started.promise;
    this.#channel = new Channel(this.#child, {
      answers,
      onNotice: (notice) => {
        if (notice.kind !== 'started') return;
        this.serves = true;
        started.resolve(notice.ports);
      },
      onEnd: () => {},
    });
    this.questions = remote<WorkerQuestions>(this.#channel);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve({ code: null, signal: null }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    void this.ended.then(() => (this.serves = false));
  }

  /** Lets it drain and end; one that does not serve yet has nothing to drain, and ends at once. */
  stop(): void {
    if (this.serves) this.#channel.notify({ kind: 'stop' });
    else this.kill();
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
