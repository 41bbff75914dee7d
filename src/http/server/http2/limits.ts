/** Limits of HTTP/2 connections, in addition to those that they share with HTTP/1.1. */
export interface Http2Limits {
  /** Requests of one connection at once (`SETTINGS_MAX_CONCURRENT_STREAMS`, RFC 9113 §6.5.2); further ones are refused
   *  with REFUSED_STREAM. */
  readonly http2StreamsMax: number;
  /** Requests of all connections at once (ERR_HTTP2_STREAMS). */
  readonly http2StreamsTotalMax: number;
  /** Requests of one connection that may wait for their caller for more than a second: for the rest of a body, or to take
   *  an answer (ERR_HTTP2_TIMEOUT). */
  readonly http2WaitingMax: number;
  /** Milliseconds from an answer that was written to its last byte taken; then its stream is reset. */
  readonly http2AnswerTimeoutMs: number;
  /** Streams of one connection that may be reset in a minute, by the caller or for its faults (ERR_HTTP2_FRAMES). */
  readonly http2ResetsPerMinuteMax: number;
  /** SETTINGS frames of one connection in a minute (ERR_HTTP2_FRAMES). */
  readonly http2SettingsPerMinuteMax: number;
  /** PING frames of one connection in a minute (ERR_HTTP2_FRAMES). */
  readonly http2PingsPerMinuteMax: number;
  /** WINDOW_UPDATE frames of one connection in a minute, and one more for each 512 bytes that were sent to it
   *  (ERR_HTTP2_FRAMES). */
  readonly http2WindowUpdatesPerMinuteMax: number;
  /** Frames of one connection in a minute that move nothing: empty DATA, PRIORITY, GOAWAY, and types that are not known
   *  (ERR_HTTP2_FRAMES). */
  readonly http2IdleFramesPerMinuteMax: number;
  /** CONTINUATION frames of one header block (ERR_HTTP2_HEADERS). */
  readonly http2ContinuationsMax: number;
  /** Bytes of each of the two tables of HPACK (RFC 7541 §4.2). */
  readonly http2HeaderTableBytesMax: number;
  /** Megabytes (10⁶ bytes) that the frames and streams of one connection may hold; more streams are refused. */
  readonly http2MegabytesMax: number;
  /** Milliseconds after which a connection takes no further requests (GOAWAY); those under way end. */
  readonly http2ConnectionAgeMs: number;
}

export const defaultHttp2Limits: Http2Limits = {
  http2StreamsMax: 100,
  http2StreamsTotalMax: 10_000,
  http2WaitingMax: 8,
  http2AnswerTimeoutMs: 15_000,
  http2ResetsPerMinuteMax: 200,
  http2SettingsPerMinuteMax: 20,
  http2PingsPerMinuteMax: 60,
  http2WindowUpdatesPerMinuteMax: 2_000,
  http2IdleFramesPerMinuteMax: 200,
  http2ContinuationsMax: 4,
  http2HeaderTableBytesMax: 4_096,
  http2MegabytesMax: 10,
  http2ConnectionAgeMs: 3_600_000,
};
