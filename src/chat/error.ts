/** Refusals of the chat channel. Each ends the connection, or is a stanza error for the client when its stanza
 *  cannot be encoded. */

/** The gatekeeper's bytes violate the binary protocol. The stream cannot be read any further, so it ends. */
export type WireErrorCode =
  | 'ERR_CHAT_FRAME_SIZE'
  | 'ERR_CHAT_FLAGS'
  | 'ERR_CHAT_COMPRESSION'
  | 'ERR_CHAT_INFLATED_SIZE'
  | 'ERR_CHAT_TRUNCATED'
  | 'ERR_CHAT_TRAILING'
  | 'ERR_CHAT_VALUE'
  | 'ERR_CHAT_PACKED'
  | 'ERR_CHAT_JID'
  | 'ERR_CHAT_UTF8'
  | 'ERR_CHAT_NODE'
  | 'ERR_CHAT_DUPLICATE_ATTRIBUTE'
  | 'ERR_CHAT_DEPTH'
  | 'ERR_CHAT_NODE_COUNT'
  | 'ERR_CHAT_ATTRIBUTE_COUNT'
  | 'ERR_CHAT_NAME_SIZE'
  | 'ERR_CHAT_VALUE_SIZE'
  | 'ERR_CHAT_XML_SIZE';

/** A stanza cannot be represented in the binary protocol. */
export type XmlErrorCode =
  | 'ERR_CHAT_NAMESPACE'
  | 'ERR_CHAT_MARK'
  | 'ERR_CHAT_MIXED_CONTENT'
  | 'ERR_CHAT_BASE64'
  | 'ERR_CHAT_TEXT_CONTENT';

/** A line of a tool's input is neither a frame nor a node. */
export type LineErrorCode = 'ERR_CHAT_JSON' | 'ERR_CHAT_HEX' | 'ERR_CHAT_LINE' | 'ERR_CHAT_LINE_SIZE';

/** The gatekeeper's handshake is refused. */
export type HandshakeErrorCode =
  | 'ERR_CHAT_HANDSHAKE_MESSAGE'
  | 'ERR_CHAT_PAYLOAD_SIZE'
  | 'ERR_CHAT_CERTIFICATE_FORMAT'
  | 'ERR_CHAT_CERTIFICATE_ROOT'
  | 'ERR_CHAT_CERTIFICATE_LEAF'
  | 'ERR_CHAT_CERTIFICATE_KEY'
  | 'ERR_CHAT_CERTIFICATE_ISSUER'
  | 'ERR_CHAT_CERTIFICATE_SERIAL'
  | 'ERR_CHAT_CERTIFICATE_EXPIRED'
  | 'ERR_CHAT_CERTIFICATE_NOT_YET';

export type ChatErrorCode = WireErrorCode | XmlErrorCode | LineErrorCode | HandshakeErrorCode;

export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly code: ChatErrorCode;

  constructor(code: ChatErrorCode, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
