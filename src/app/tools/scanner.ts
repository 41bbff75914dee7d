/** A scanner for one direction of a recorded stream, with the limits of the data plane. */
import { createVocabulary } from '../../stanza/vocabulary.ts';
import { defaultLimits, preAuthenticationLimits } from '../../stream/limits.ts';
import { Scanner, type ScannerOptions } from '../../stream/scanner.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';

export interface RecordingScannerOptions extends Pick<ScannerOptions, 'sink' | 'ambiguous'> {
  /** Whether the limits are those before authentication. */
  readonly preAuthentication: boolean;
}

export function createRecordingScanner({ preAuthentication, ...options }: RecordingScannerOptions): Scanner {
  const limits = preAuthentication ? preAuthenticationLimits : defaultLimits;
  return new Scanner({
    ...options,
    names: createVocabulary(),
    limits,
    workspace: new Workspace(new SimdStructure(), limits),
  });
}
