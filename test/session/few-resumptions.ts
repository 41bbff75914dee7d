/** Streams that can be resumed, in a test with few sessions. */
import { Resumptions } from '../../src/session/stream-management/resumptions.ts';

/** Returns an empty memory of 100 streams. Its cache allocates all entries at once: for the default of 100,000 that takes
 *  most of the time of a session in memory. */
export function fewResumptions(): Resumptions {
  return new Resumptions({ resumptionsMax: 100 });
}
