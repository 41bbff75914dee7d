/** What the page `/audit` shows: of one gatekeeper what is in force and what was counted, and of the proxy its
 *  certificates, keys, ledger and refusals. Counts, names of the configuration, digests and dates; nothing of a user. */
import type { Audience } from '../../../stanza/direction.ts';
import type { ExceptionSummary } from '../../../policy/exceptions.ts';
import type { ExposureDocument } from '../exposure.ts';

/** How much of a field remains: all of it, a part or another value, or nothing. `absent`: it never travels to the
 *  audience. */
export type Exposure = 'shown' | 'reduced' | 'withheld' | 'absent';

/** A treatment of a field for an audience. */
export interface AuditTreatment {
  readonly kind: string;
  /** As a policy file would say it. */
  readonly words: string;
  readonly exposure: Exposure;
}

export interface AuditField {
  readonly name: string;
  readonly title: string;
  readonly category: string;
  readonly reveals: string;
  /** By the policy in force, whether it is enforced or not. */
  readonly treatments: Readonly<Record<Audience, AuditTreatment>>;
  /** By the policy in its shadow; undefined without one. */
  readonly shadow: Readonly<Record<Audience, AuditTreatment>> | undefined;
}

export interface AuditCertificate {
  readonly use: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

export interface AuditView {
  /** The gatekeeper that the page is about, and all of them. */
  readonly gatekeeper: string;
  readonly gatekeepers: readonly string[];
  /** Sessions with this gatekeeper now. */
  readonly sessions: number;
  readonly exposure: ExposureDocument;
  /** By category, then by name. */
  readonly fields: readonly AuditField[];
  readonly exceptions: readonly ExceptionSummary[];
  /** The one that ends first comes first. */
  readonly certificates: readonly AuditCertificate[];
  /** The key that attestations are signed with: since when, and when the next one begins, in milliseconds since 1970.
   *  Undefined where nothing is attested. */
  readonly signingKey: { readonly since: number; readonly next: number | undefined } | undefined;
  readonly attestations: readonly {
    readonly carrier: string;
    readonly outcome: string;
    readonly count: number;
  }[];
  /** Of the whole proxy, the most frequent first; codes that have occurred. */
  readonly refusals: readonly { readonly code: string; readonly cause: string; readonly count: number }[];
}
