/** What the HTTP plane tells the operator: closed words and counts. */
import type { Sensitive } from '../stanza/sensitive.ts';
import type { ProblemCode } from './problem.ts';
import type { PumpEnd } from './pump.ts';

export type HttpEvent =
  /** A request was refused; `route` is the pattern, never the path. */
  | { readonly event: 'refused'; readonly route: string; readonly code: ProblemCode }
  /** A fault of ours; the error may quote what it stumbled over. */
  | { readonly event: 'failed'; readonly route: string; readonly error: Sensitive<unknown> }
  /** A proof had claims beyond those allowed and was passed on. */
  | { readonly event: 'claims-unlisted'; readonly claims: readonly string[] }
  /** The provider took one push. */
  | { readonly event: 'push-delivered' }
  | { readonly event: 'media-ended'; readonly end: PumpEnd };

export type Report = (event: HttpEvent) => void;
