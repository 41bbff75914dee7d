/** The state that outlives requests and connections, in the memory of this process. */
import type { Config } from '../../config/schema.ts';
import type { HttpLimits } from '../../http/limits.ts';
import { MemoryStore } from '../../state/memory-store.ts';
import type { StateStore } from '../../state/store.ts';
import type { Clock } from '../clock.ts';

/** Opens the store.
 *  @param limits bounds on the records of the HTTP plane */
export function openState(config: Pick<Config, 'limits'>, limits: HttpLimits, clock: Clock): StateStore {
  return new MemoryStore({
    recordsMax: {
      nonce: limits.noncesMax,
      answer: limits.idempotencyEntriesMax,
      push: limits.pushDeliveredMax,
      resumption: config.limits.resumptionsMax,
    },
    now: clock.monotonic,
  });
}
