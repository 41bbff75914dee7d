/** Hostile input, comparisons with other parsers, leaks and non-interference, without the fast paths of reading. The suite
 *  has the same files with them. */
import { runSuites, suiteConfig } from './suite.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const files = [
  'test/stream/canonical',
  'test/stream/differential',
  'test/stream/frame-scanner',
  'test/stream/scanner',
  'test/oracles',
  'test/policy/leaks',
  'test/policy/chat-interference',
  'test/proof',
  'test/session/attacks',
  'test/session/capabilities',
  'test/session/chat',
  'test/session/negotiation',
  'test/session/stream-management',
  'test/session/websocket',
  'test/session/whole-chain',
];

export const longRun: LongRun = {
  name: 'without-fast-paths',
  summary:
    'hostile input, other parsers, leaks and non-interference, with the fast paths of reading switched off',
  unit: 'rounds',
  count: 1,
  run: (request) => runWithoutFastPaths(request),
};

export function runWithoutFastPaths(request: LongRunRequest, some = files): Promise<LongRunResult> {
  return runSuites(suiteConfig, request, { files: some, environment: { WITHOUT_FAST_PATHS: 'yes' } });
}
