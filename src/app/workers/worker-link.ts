/** The supervisor as a worker sees it. */
import type { Config } from '../../config/schema.ts';
import type { StateStore } from '../../state/store.ts';
import { Channel, remote, type Answers, type Connection } from './channel.ts';
import type { SupervisorQuestions, WorkerPorts, WorkerQuestions } from './messages.ts';
import { SharedRecords } from './shared-records.ts';
import { workerVariable, type WorkerAssignment } from './worker-process.ts';

export interface WorkerLink {
  /** Number of this worker, from 0. */
  readonly index: number;
  /** How many workers there are. */
  readonly processes: number;
  /** The records that all workers share. */
  readonly store: StateStore;
  /** Returns the configuration with the ports that the first worker has opened. */
  readonly atPorts: (config: Config) => Config;
  /** Answers the supervisor from now on. */
  readonly answer: (answers: WorkerQuestions) => void;
  /** Says that this worker serves. */
  readonly started: (ports: WorkerPorts) => void;
  /** Sets the function that is called when this worker must drain, or has lost the supervisor: at once, where it has already. */
  readonly onStop: (stop: () => void) => void;
  /** Leaves the supervisor, without which this process ends by itself when nothing is left to do. */
  readonly leave: () => void;
}

/** Returns the link of a process that a supervisor has started; undefined for another process. */
export function linkOfWorker(environment: NodeJS.ProcessEnv, connection: Connection): WorkerLink | undefined {
  const assigned = environment[workerVariable];
  if (assigned === undefined || connection.send === undefined) return undefined;
  const { index, processes, ports } = JSON.parse(assigned) as WorkerAssignment;
  const answers: Record<string, Answers[string]> = {};
  let stop: (() => void) | undefined;
  const channel = new Channel(connection, {
    answers,
    onNotice: (notice) => void (notice.kind === 'stop' && stop?.()),
    onEnd: () => stop?.(),
  });
  return {
    index,
    processes,
    store: new SharedRecords(remote<SupervisorQuestions>(channel)),
    atPorts: (config) => (ports === undefined ? config : withPorts(config, ports)),
    answer: (given) => Object.assign(answers, given),
    started: (opened) => channel.notify({ kind: 'started', ports: opened }),
    onStop: (wanted) => {
      stop = wanted;
      // A supervisor that was lost before this process listened is reported by no event.
      if (!connection.connected) stop();
    },
    leave: () => {
      if (connection.connected) connection.disconnect?.();
    },
  };
}

function withPorts(config: Config, { listeners, http }: WorkerPorts): Config {
  return {
    ...config,
    listeners: config.listeners.map((listener, index) =>
      Object.assign({}, listener, { port: listeners[index] ?? listener.port }),
    ),
    ...(config.http !== undefined && http !== undefined && { http: { ...config.http, port: http } }),
  };
}
