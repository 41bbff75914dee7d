/** The codes by which support staff find out why a client was refused. */
import type { Config } from '../../config/schema.ts';
import { SupportCodes } from '../../session/support-codes.ts';
import type { Clock } from '../clock.ts';
import type { Part } from '../part.ts';

/** Milliseconds between two removals of old refusals. */
const sweepMs = 60_000;

export interface SupportCodesPart extends Part {
  readonly supportCodes: SupportCodes;
}

export function openSupportCodes(
  { refusalsMax }: Pick<Config['limits'], 'refusalsMax'>,
  { wall }: Clock,
): SupportCodesPart {
  const supportCodes = new SupportCodes({ refusalsMax, now: wall });
  const sweep = setInterval(() => supportCodes.forgetOld(), sweepMs).unref();
  return { supportCodes, close: () => clearInterval(sweep) };
}
