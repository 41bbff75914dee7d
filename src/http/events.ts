/** Events of the HTTP plane for log and metrics: closed words and counts. */
import type { Http2Code, HttpRoute, MediaEnd } from '../observability/http-words.ts';
import type { Sensitive } from '../stanza/sensitive.ts';
import type { ProblemCode } from './problem.ts';

export type HttpEvent =
  /** A request has ended; with a code it was refused. `route` is the pattern, never the path. */
  | {
      readonly event: 'answered';
      readonly route: HttpRoute;
      readonly status: number;
      /** Milliseconds from its headers to its answer; of a download, to its end. */
      readonly milliseconds: number;
      readonly code?: ProblemCode;
    }
  /** Something of HTTP/2 was refused without an answer. */
  | { readonly event: 'http2-refused'; readonly code: Http2Code }
  /** A defect of the proxy. The error may quote input, so it is sensitive. */
  | { readonly event: 'failed'; readonly route: HttpRoute; readonly error: Sensitive<unknown> }
  /** A proof was passed on although it had claims beyond those allowed. */
  | { readonly event: 'claims-unlisted'; readonly claims: readonly string[] }
  /** The provider has accepted one push. */
  | { readonly event: 'push-delivered' }
  | { readonly event: 'media-ended'; readonly end: MediaEnd; readonly bytes: number };

export type Report = (event: HttpEvent) => void;
