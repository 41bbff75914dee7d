/** Errors of the gatekeeper's chat channel. */
export const chatErrors = {
  ERR_NOISE_AUTHENTICATION: {
    cause: 'A message of the Noise handshake or a frame after it was changed, repeated, left out or forged.',
    remedy:
      'See whether something between the proxy and the gatekeeper changes bytes; otherwise it is an attack.',
  },
  ERR_NOISE_LENGTH: {
    cause:
      'A message of the Noise handshake is shorter than its pattern asks, or longer than the framework allows.',
    remedy: 'See whether the peer speaks Noise_XX_25519_AESGCM_SHA256.',
  },
  ERR_NOISE_PUBLIC_KEY: {
    cause: 'A public key of the peer has low order or another length.',
    remedy: 'None: an honest peer has no such key.',
  },
  ERR_NOISE_EXHAUSTED: {
    cause: 'A connection has used all its counters, or a frame of it was refused before.',
    remedy: 'Connect again.',
  },
  ERR_CHAT_FRAME_SIZE: {
    cause:
      'A frame of the chat channel announces more bytes than the limit, or a stanza would need such a frame.',
    remedy: 'Send less at once; the limit is `frameBytesMax`.',
  },
  ERR_CHAT_FLAGS: {
    cause: 'The first byte of a frame has flags that the protocol does not define.',
    remedy: 'See whether the frame was decrypted, and whether the peer speaks dictionary 3.',
  },
  ERR_CHAT_COMPRESSION: {
    cause: 'A frame that is marked as compressed is no zlib stream (RFC 1950).',
    remedy: 'See whether the frame was decrypted correctly.',
  },
  ERR_CHAT_INFLATED_SIZE: {
    cause: 'A compressed frame would become larger than the limit.',
    remedy: 'None for the peer; the limit is `inflatedBytesMax`.',
  },
  ERR_CHAT_TRUNCATED: {
    cause: 'A frame ends within a node, or announces more than it holds.',
    remedy: 'Pass the whole frame.',
  },
  ERR_CHAT_TRAILING: {
    cause: "Bytes follow a frame's node or its compressed stream.",
    remedy: 'Pass exactly one frame.',
  },
  ERR_CHAT_VALUE: {
    cause:
      'A value begins with a byte that the protocol does not assign, or a list stands in place of a value.',
    remedy: 'See whether the peer speaks dictionary 3.',
  },
  ERR_CHAT_PACKED: {
    cause: 'A packed value has digits or padding that its kind does not have.',
    remedy: 'Write it as bytes.',
  },
  ERR_CHAT_JID: {
    cause: 'A JID on the wire has an unknown domain, no user or no server, or another JID as a part.',
    remedy: 'Write it as bytes.',
  },
  ERR_CHAT_UTF8: { cause: 'A text is no UTF-8 (RFC 3629).', remedy: 'Write texts as UTF-8.' },
  ERR_CHAT_NODE: {
    cause: 'A node is no list, or has no tag, or an attribute without a name.',
    remedy: 'Write a list with at least a tag.',
  },
  ERR_CHAT_DUPLICATE_ATTRIBUTE: {
    cause: 'A node has an attribute twice.',
    remedy: 'Write each attribute once; in the XML form also not both as an attribute and as `n:a`.',
  },
  ERR_CHAT_DEPTH: {
    cause: 'Nodes are nested deeper than the limit.',
    remedy: 'Nest less; the limit is `depthMax`.',
  },
  ERR_CHAT_NODE_COUNT: {
    cause: 'A stanza has more nodes than the limit.',
    remedy: 'Send less at once; the limit is `nodesMax`.',
  },
  ERR_CHAT_ATTRIBUTE_COUNT: {
    cause: 'A node has more attributes than the limit.',
    remedy: 'Use fewer; the limit is `attributesMax`.',
  },
  ERR_CHAT_NAME_SIZE: {
    cause: "A tag or an attribute's name is longer than the limit.",
    remedy: 'Use a shorter one; the limit is `nameBytesMax`.',
  },
  ERR_CHAT_VALUE_SIZE: {
    cause: "An attribute's value, or text content, is longer than the limit.",
    remedy: 'Use a shorter one; the limit is `valueBytesMax`.',
  },
  ERR_CHAT_XML_SIZE: {
    cause: 'The XML form of a frame would be larger than the limit.',
    remedy: 'Send less at once; the limit is `xmlBytesMax`.',
  },
  ERR_CHAT_NAMESPACE: {
    cause: 'An element or attribute has a namespace that the XML form of the chat channel does not have.',
    remedy: 'Use `urn:narthex:chat:0`, and for marks `urn:narthex:chat:marks:0`.',
  },
  ERR_CHAT_MARK: {
    cause: 'A mark of the XML form is unknown, incomplete, or in the wrong place.',
    remedy: 'See the XML form in docs/chat-channel.md.',
  },
  ERR_CHAT_MIXED_CONTENT: {
    cause: 'An element has both text and child elements.',
    remedy: 'Write either; also no white space between elements.',
  },
  ERR_CHAT_BASE64: {
    cause:
      'Content or a mark is no base64 with padding (RFC 4648), or has no UTF-8 where a text is asked for.',
    remedy: 'Encode it again; content is always base64.',
  },
  ERR_CHAT_TEXT_CONTENT: {
    cause: 'Content is marked as text that the wire cannot mark as text.',
    remedy: 'Write it as bytes, in base64.',
  },
  ERR_CHAT_JSON: {
    cause: 'A line is no JSON, or no node.',
    remedy: 'Write {"tag": text, "attrs": {…}, "content": null, a list, base64 or {"text": text}}.',
  },
  ERR_CHAT_HEX: {
    cause: 'A line is not hexadecimal.',
    remedy: 'Write two digits for each byte, nothing between them.',
  },
  ERR_CHAT_LINE: {
    cause: 'A line holds no XML element, more than one, or half of one.',
    remedy: 'Write one element a line.',
  },
  ERR_CHAT_LINE_SIZE: { cause: 'A line is longer than 4 MiB.', remedy: 'Write one frame or node a line.' },
  ERR_CHAT_HANDSHAKE_MESSAGE: {
    cause: "A message of the gatekeeper's handshake is not the protobuf that is due.",
    remedy: 'See whether the address is a chat server of the gatekeeper.',
  },
  ERR_CHAT_PAYLOAD_SIZE: {
    cause:
      "The client's ownership token is empty or longer than 4 KiB, or its payload is larger than a handshake message.",
    remedy: 'Let the provider issue shorter tokens.',
  },
  ERR_CHAT_CERTIFICATE_FORMAT: {
    cause: "The gatekeeper's certificate chain is incomplete or malformed.",
    remedy: 'See whether the address is a chat server of the gatekeeper.',
  },
  ERR_CHAT_CERTIFICATE_ROOT: {
    cause: "The gatekeeper's intermediate certificate is not signed by the configured root.",
    remedy: "Compare the root key with the gatekeeper's documentation.",
  },
  ERR_CHAT_CERTIFICATE_LEAF: {
    cause: "The gatekeeper's certificate is not signed by its intermediate.",
    remedy: "None: the server is not the gatekeeper's.",
  },
  ERR_CHAT_CERTIFICATE_KEY: {
    cause: "The gatekeeper's certificate names another key than the one of the handshake.",
    remedy: "None: somewhere between is a server that is not the gatekeeper's.",
  },
  ERR_CHAT_CERTIFICATE_ISSUER: {
    cause: "The gatekeeper's intermediate certificate names another root's serial number.",
    remedy: "Compare the root's serial number with the gatekeeper's documentation.",
  },
  ERR_CHAT_CERTIFICATE_SERIAL: {
    cause: "The gatekeeper's certificate names another intermediate's serial number.",
    remedy: 'None: the chain does not belong together.',
  },
  ERR_CHAT_CERTIFICATE_EXPIRED: {
    cause: "A certificate of the gatekeeper's chain has expired.",
    remedy: "Check the proxy's clock; otherwise wait for the gatekeeper.",
  },
  ERR_CHAT_CERTIFICATE_NOT_YET: {
    cause: "A certificate of the gatekeeper's chain is not valid yet.",
    remedy: "Check the proxy's clock.",
  },
} as const;
