/** What is known of one managed stream in addition to its stanzas (XEP-0198). */
import type { ResourceAlias } from '../facts.ts';
import type { AckWindow } from './ack-window.ts';

/** The counters of one managed stream. Belongs to the connection that resumed it last. */
export interface ManagedStream {
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  readonly alias: ResourceAlias;
  toGatekeeper: AckWindow;
  toClient: AckWindow;
  /** How often the stream was resumed; 0 by default. The connection with the highest number has the counters in force, in
   *  whichever process it is. */
  readonly generation?: number;
  /** Whether the counters are those of another process. They may be older than the connection that they are of. */
  readonly restored?: boolean;
  /** Whether another connection has resumed the stream; these counters are then outdated. */
  superseded?: boolean;
}

export function generationOf({ generation = 0 }: ManagedStream): number {
  return generation;
}
