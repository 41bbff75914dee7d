/** The places that are searched for canaries. */
import type { Audience } from '../stanza/direction.ts';

/** A place that is searched. `gatekeeper`, `client` and `provider` are what that party has received. */
export type PlaceName =
  | Exclude<Audience, 'operator'>
  | 'output'
  | 'metrics'
  | 'traces'
  | 'ledger'
  | 'admin'
  | 'crash'
  | 'heap'
  | 'buffers'
  | 'memory';

export const placeMeanings: Readonly<Record<PlaceName, string>> = {
  gatekeeper: 'every byte that the gatekeeper received',
  client: 'every byte that the client received',
  provider: 'every request that the provider received',
  output: 'standard output and standard error of the proxy: the log, at its most verbose',
  metrics: '/metrics',
  traces: 'what a collector received',
  ledger: 'the files of the exposure ledger',
  admin: 'the answers of every other route of the admin port',
  crash: 'what the proxy printed when it ended by an exception',
  heap: 'the strings of a heap snapshot, after the sessions have ended',
  buffers: 'the bytes of every living ArrayBuffer, after the sessions have ended',
  memory: 'every writable page of the process, freed memory included',
};
