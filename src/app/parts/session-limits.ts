/** Limits of the authenticated sessions with a gatekeeper. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import type { SessionLimits } from '../../session/machine.ts';
import type { OwnStreamLimits } from '../../session/negotiation/stream-limits.ts';
import type { RateLimits } from '../../session/pacing.ts';
import { definedOf, sessionStreamLimits } from './scanning.ts';

/** Returns the limits of a gatekeeper's sessions; undefined where it has none of its own. */
export function limitsOf(
  { limits, timeouts }: Pick<Config, 'limits' | 'timeouts'>,
  gatekeeper: GatekeeperConfig,
): SessionLimits | undefined {
  if (gatekeeper.limits === undefined) return undefined;
  return {
    stream: sessionStreamLimits(limits, gatekeeper),
    rates: ratesOf({ ...limits, ...definedOf(gatekeeper.limits) }, timeouts),
  };
}

/** Returns the rates of a session. */
export function ratesOf(limits: Config['limits'], { overRateMs }: Config['timeouts']): RateLimits {
  return {
    stanzasPerSecond: limits.stanzasPerSecondMax,
    stanzaBurst: limits.stanzaBurstMax,
    bytesPerSecond: limits.bytesPerSecondMax,
    paddingBytesPerSecond: limits.paddingBytesPerSecondMax,
    overLimitMs: overRateMs,
  };
}

/** Returns the limits that are announced to a client, by the gatekeeper of its session. */
export function announcedLimits({
  limits,
  timeouts: { idleMs },
  gatekeepers,
}: Pick<Config, 'limits' | 'timeouts' | 'gatekeepers'>): (gatekeeper: string) => OwnStreamLimits {
  const own = new Map(
    gatekeepers.map((each) => [each.name, { ...limits, ...definedOf(each.limits), idleMs }] as const),
  );
  return (gatekeeper) => own.get(gatekeeper) ?? { ...limits, idleMs };
}
