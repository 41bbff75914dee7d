/** Refusals. Each has a stream or stanza error condition for the peer (RFC 6120 §4.9.3, §8.3.3) and a code of
 *  ours for the operator. Details are numbers and words of our own: never bytes from the wire, never an address. */

/** Stream error conditions that the proxy sends (RFC 6120 §4.9.3). */
export type StreamCondition =
  | 'bad-format'
  | 'bad-namespace-prefix'
  | 'conflict'
  | 'connection-timeout'
  | 'host-unknown'
  | 'internal-server-error'
  | 'invalid-namespace'
  | 'not-authorized'
  | 'not-well-formed'
  | 'policy-violation'
  | 'remote-connection-failed'
  | 'reset'
  | 'resource-constraint'
  | 'restricted-xml'
  | 'system-shutdown'
  | 'undefined-condition'
  | 'unsupported-encoding'
  | 'unsupported-feature'
  | 'unsupported-stanza-type'
  | 'unsupported-version';

/** What the operator reads with a code: closed words and numbers. */
export type ErrorDetail = Readonly<Record<string, number | boolean>>;

/** Every code that ends a stream. ERRORS.md lists each with its cause and remedy; a test compares the two. */
export type StreamErrorCode =
  // The bytes are not the XML that RFC 6120 §11 allows.
  | 'ERR_XML_NOT_WELL_FORMED'
  | 'ERR_XML_RESTRICTED'
  | 'ERR_XML_ENCODING'
  | 'ERR_XML_UTF8'
  | 'ERR_XML_NAMESPACE'
  | 'ERR_XML_AMBIGUOUS'
  | 'ERR_STREAM_TEXT'
  | 'ERR_STREAM_HEADER'
  // A limit was reached (see stream/limits.ts).
  | 'ERR_STANZA_TOO_LARGE'
  | 'ERR_TAG_TOO_LARGE'
  | 'ERR_NAME_TOO_LONG'
  | 'ERR_DEPTH'
  | 'ERR_ELEMENT_COUNT'
  | 'ERR_ATTRIBUTE_COUNT'
  | 'ERR_NAMESPACE_COUNT'
  | 'ERR_NORMAL_FORM_GROWTH'
  | 'ERR_WHITESPACE_RUN'
  | 'ERR_HANDSHAKE_TIMEOUT'
  | 'ERR_PRE_AUTH_TIMEOUT'
  | 'ERR_WRITE_STALL'
  | 'ERR_IDLE_TIMEOUT'
  | 'ERR_CONNECTION_LIMIT'
  | 'ERR_ADDRESS_LIMIT'
  | 'ERR_STANZA_RATE'
  | 'ERR_BYTE_RATE'
  | 'ERR_SESSION_AGE'
  | 'ERR_OVERLOAD'
  // The negotiation broke a rule.
  | 'ERR_STARTTLS_PIPELINED'
  | 'ERR_STARTTLS_REQUIRED'
  | 'ERR_TLS_HANDSHAKE'
  | 'ERR_COMPRESSION'
  | 'ERR_UNKNOWN_DOMAIN'
  | 'ERR_SNI_MISMATCH'
  | 'ERR_STREAM_VERSION'
  | 'ERR_RESTART_PIPELINED'
  | 'ERR_CHANNEL_BINDING'
  | 'ERR_CHANNEL_BINDING_FLAG'
  | 'ERR_REAUTHENTICATION_OFFER'
  | 'ERR_AUTHENTICATION_ATTEMPTS'
  | 'ERR_NEGOTIATION'
  | 'ERR_CLIENT_GAVE_UP'
  // Stream management and delays.
  | 'ERR_SM_COUNT'
  | 'ERR_SM_WINDOW'
  | 'ERR_WAITING'
  // The gatekeeper's side.
  | 'ERR_GATEKEEPER_UNREACHABLE'
  | 'ERR_GATEKEEPER_TLS'
  | 'ERR_GATEKEEPER_NEGOTIATION'
  | 'ERR_GATEKEEPER_CLOSED'
  | 'ERR_GATEKEEPER_REDIRECT'
  // Connection signals.
  | 'ERR_PROXY_HEADER'
  | 'ERR_SIGNALS_NOT_OFFERED'
  | 'ERR_SIGNALS_TLS_VERSION'
  | 'ERR_SIGNALS_CERTIFICATE'
  | 'ERR_SIGNALS_NO_KEY'
  | 'ERR_SIGNALS_TOO_LARGE'
  // The proxy itself.
  | 'ERR_SHUTDOWN'
  | 'ERR_INTERNAL';

/** Ends the stream it happened on, and with it the other direction. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly condition: StreamCondition;
  readonly code: StreamErrorCode;
  readonly detail: ErrorDetail;

  /** @param detail numbers only: offsets in bytes from the start of the stream, sizes, limits. */
  constructor(condition: StreamCondition, { code, ...detail }: { code: StreamErrorCode } & ErrorDetailInput) {
    super(`${code}: ${condition}`);
    this.condition = condition;
    this.code = code;
    this.detail = detail as ErrorDetail;
  }
}

type ErrorDetailInput = Readonly<Record<string, number | boolean | string>>;
