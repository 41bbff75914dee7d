/** What the HTTP plane tells the operator: closed words and counts. */
import type { HttpRoute, MediaEnd } from '../observability/http-words.ts';
import type { Sensitive } from '../stanza/sensitive.ts';
import type { ProblemCode } from './problem.ts';

export type HttpEvent =
  /** A request is over; with a code it was refused. `route` is the pattern, never the path. */
  | {
      readonly event: 'answered';
      readonly route: HttpRoute;
      readonly status: number;
      /** From its headers to its answer; of a download, to its end. */
      readonly milliseconds: number;
      readonly code?: ProblemCode;
    }
  /** A fault of ours; the error may quote what it stumbled over. */
  | { readonly event: 'failed'; readonly route: HttpRoute; readonly error: Sensitive<unknown> }
  /** A proof had claims beyond those allowed and was passed on. */
  | { readonly event: 'claims-unlisted'; readonly claims: readonly string[] }
  /** The provider took one push. */
  | { readonly event: 'push-delivered' }
  | { readonly event: 'media-ended'; readonly end: MediaEnd; readonly bytes: number };

export type Report = (event: HttpEvent) => void;
