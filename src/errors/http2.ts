/** Reasons to refuse what a caller does over HTTP/2, with remedies. Each ends a connection (GOAWAY) or a stream
 *  (RST_STREAM) without an answer. ERRORS.md is generated from this table. */
import type { ErrorRow } from './row.ts';

export const http2Errors = {
  ERR_HTTP2_FRAMES: {
    cause:
      'A connection sent more frames of one kind in a minute than it may, none of which asks for anything.',
    remedy:
      'Most often an attack. If the caller is legitimate, raise the `http.limits.http2…PerMinuteMax` of what it sends.',
  },
  ERR_HTTP2_HEADERS: {
    cause: 'A header block is too large, or in too many CONTINUATION frames.',
    remedy:
      'If the caller is legitimate, raise `http.limits.headerBytesMax` or `http.limits.http2ContinuationsMax`.',
  },
  ERR_HTTP2_TIMEOUT: {
    cause:
      'A frame or header block did not end in time, or too many requests of a connection waited for their caller.',
    remedy:
      'If the caller is legitimate, raise `http.limits.headersTimeoutMs` or `http.limits.http2WaitingMax`.',
  },
  ERR_HTTP2_STREAMS: {
    cause: 'More requests were under way at once than the proxy takes; this one may be sent again.',
    remedy:
      'Callers come back by themselves; if it lasts, raise `http.limits.http2StreamsTotalMax` or add replicas.',
  },
  ERR_HTTP2_PROTOCOL: {
    cause: 'A connection does not keep to the protocol.',
    remedy: 'Correct the caller; RFC 9113 is read strictly.',
  },
  ERR_HTTP2_CIPHER: {
    cause: 'A connection chose HTTP/2 with a cipher suite of TLS 1.2 that HTTP/2 prohibits.',
    remedy: 'Update the caller, or have it offer http/1.1 only.',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
