/** Where a client's address is, as far as the operator's table says. */
import type { KnownRegion } from '../policy/condition.ts';
import type { ConnectionEvidence } from '../signals/connection-evidence.ts';
import type { Sensitive } from '../stanza/sensitive.ts';

/** Returns undefined when it is not known. The result is for decisions only: it is never recorded. */
export type RegionOf = (evidence: ConnectionEvidence) => Sensitive<KnownRegion> | undefined;
