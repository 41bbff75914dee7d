/** Limits of the chat channel. Exceeding one is refused with the code in its comment. */
export interface ChatLimits {
  /** Bytes of a frame after the handshake, refused when its length is announced (ERR_CHAT_FRAME_SIZE). */
  readonly frameBytesMax: number;
  /** Bytes of a frame of the handshake (ERR_CHAT_FRAME_SIZE). */
  readonly handshakeBytesMax: number;
  /** Bytes of the client's ownership token (ERR_CHAT_PAYLOAD_SIZE). */
  readonly tokenBytesMax: number;
  /** Bytes of a compressed frame when inflated (ERR_CHAT_INFLATED_SIZE). */
  readonly inflatedBytesMax: number;
  /** Bytes of a node's XML form (ERR_CHAT_XML_SIZE). */
  readonly xmlBytesMax: number;
  /** Nesting of nodes, 1 for the stanza itself (ERR_CHAT_DEPTH). */
  readonly depthMax: number;
  /** Nodes of a stanza (ERR_CHAT_NODE_COUNT). */
  readonly nodesMax: number;
  /** Attributes of a node (ERR_CHAT_ATTRIBUTE_COUNT). */
  readonly attributesMax: number;
  /** Bytes of a tag or an attribute's name (ERR_CHAT_NAME_SIZE). */
  readonly nameBytesMax: number;
  /** Bytes of an attribute's value (ERR_CHAT_VALUE_SIZE). */
  readonly valueBytesMax: number;
}

/** A message to a group lists each device of each member: 2,000 devices take half a MiB. */
export const defaultChatLimits: ChatLimits = {
  frameBytesMax: 1_048_576,
  handshakeBytesMax: 16_384,
  tokenBytesMax: 4096,
  inflatedBytesMax: 1_048_576,
  xmlBytesMax: 2_097_152,
  depthMax: 128,
  nodesMax: 10_000,
  attributesMax: 128,
  nameBytesMax: 1024,
  valueBytesMax: 16_384,
};
