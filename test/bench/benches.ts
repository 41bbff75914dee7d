/** Every bench, in the order of the page. */
import { acceptBench } from './accept.ts';
import { accountingBench } from './accounting.ts';
import { capabilitiesBench } from './capabilities.ts';
import { channelBench } from './channel.ts';
import { chatBench } from './chat.ts';
import { countingBench } from './counting.ts';
import { idleBench } from './idle.ts';
import { mediaBench } from './media.ts';
import { policyBench } from './policy.ts';
import { relayBench } from './relay.ts';
import { webSocketBench } from './websocket.ts';
import type { Bench } from './row.ts';
import { canonicalBench, scannerBench } from './scanner.ts';

export const benches: readonly Bench[] = [
  relayBench,
  accountingBench,
  idleBench,
  webSocketBench,
  acceptBench,
  policyBench,
  countingBench,
  capabilitiesBench,
  scannerBench,
  canonicalBench,
  chatBench,
  channelBench,
  mediaBench,
];

/** Those that can measure another revision in the same run. */
export const comparing: readonly Bench[] = [relayBench, policyBench, acceptBench];
