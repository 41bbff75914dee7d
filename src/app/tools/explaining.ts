/** Applies a policy to stanzas outside of a running proxy. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { Pseudonyms } from '../../minimisation/pseudonymise.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { vocabularyOf } from '../../policy/compile.ts';
import type { ExplainOptions } from '../../policy/explain.ts';
import { createWire } from './wire.ts';

/** Returns the options of `explain` and `test`. The key of the pseudonyms is made for the call, so that none equals one
 *  of the running proxy.
 *  @param clock returns milliseconds since 1970 */
export function createExplaining(catalogue: Catalogue, clock: () => number): ExplainOptions {
  const pseudonyms = new Pseudonyms([createSecretKey(randomBytes(32))]);
  return { catalogue, names: vocabularyOf(catalogue), wire: createWire(), pseudonyms, clock };
}
