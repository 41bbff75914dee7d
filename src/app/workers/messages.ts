/** Messages between the process that supervises and its workers. They travel over a pair of connected sockets that only these
 *  processes have, with structured clones, so bytes stay bytes. */
import type { AdminApi } from '../../http/admin/api.ts';
import type { Readiness } from '../../http/admin/app.ts';
import type { MetricsSnapshot } from '../../observability/aggregate.ts';
import type { StateKind } from '../../state/kinds.ts';

/** What the supervisor asks of a worker. */
export interface WorkerQuestions {
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly metrics: () => Promise<MetricsSnapshot>;
  readonly sessions: AdminApi['sessions'];
  readonly refusal: AdminApi['refusal'];
  readonly exposure: AdminApi['exposure'];
  readonly audit: AdminApi['audit'];
  readonly policy: AdminApi['policy'];
  readonly explain: AdminApi['explain'];
  readonly reload: AdminApi['reload'];
  readonly shed: AdminApi['shed'];
}

/** What a worker asks of the supervisor: the records that all workers share. */
export interface SupervisorQuestions {
  readonly get: (kind: StateKind, name: string) => Promise<Uint8Array | undefined>;
  readonly set: (kind: StateKind, name: string, value: Uint8Array, ttlMs: number) => Promise<void>;
  readonly claim: (
    kind: StateKind,
    name: string,
    value: Uint8Array,
    ttlMs: number,
  ) => Promise<Uint8Array | undefined>;
  readonly delete: (kind: StateKind, name: string) => Promise<void>;
}

/** The ports that a worker has opened. */
export interface WorkerPorts {
  /** In the order of the configured listeners. */
  readonly listeners: readonly number[];
  /** Undefined without the section `http`. */
  readonly http: number | undefined;
}

/** - `started`: the worker serves these ports. The supervisor gives them to the workers after the first.
 *  - `stop`: drain, and end. */
export type Notice = { readonly kind: 'started'; readonly ports: WorkerPorts } | { readonly kind: 'stop' };

/** A question with an answer, or a notice without. */
export type Message =
  | {
      readonly kind: 'question';
      readonly id: number;
      readonly name: string;
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'no-answer'; readonly id: number }
  | { readonly kind: 'notice'; readonly notice: Notice };
