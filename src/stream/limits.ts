/** Limits of one direction of a stream. Each bounds what a peer can make the proxy hold or do. Exceeding one ends
 *  the stream with `policy-violation` and the code in its description. */
export interface StreamLimits {
  /** Bytes of one stanza or nonza, `<` to `>` (ERR_STANZA_TOO_LARGE). */
  readonly stanzaBytesMax: number;
  /** Bytes of one start or end tag, or of the stream header (ERR_TAG_TOO_LARGE). */
  readonly tagBytesMax: number;
  /** Bytes of one qualified name (ERR_NAME_TOO_LONG). */
  readonly nameBytesMax: number;
  /** Nesting of elements, the stanza itself being 1 (ERR_DEPTH). */
  readonly depthMax: number;
  /** Elements in one stanza (ERR_ELEMENT_COUNT). */
  readonly elementsMax: number;
  /** Attributes of one tag, namespace declarations included (ERR_ATTRIBUTE_COUNT). */
  readonly attributesMax: number;
  /** Namespace declarations in scope at once, without those of the stream header (ERR_NAMESPACE_COUNT). */
  readonly namespacesMax: number;
  /** Most times its received length that a stanza may have in normal form, where declarations move to the elements
   *  that use them (canonical.ts; ERR_NORMAL_FORM_GROWTH). */
  readonly normalFormGrowthMax: number;
  /** Bytes of white space between two stanzas, enough for weeks of keep-alives (ERR_WHITESPACE_RUN). */
  readonly whitespaceBytesMax: number;
}

/** Limits of an authenticated stream. RFC 6120 §13.12 requires at least 10,000 bytes per stanza. */
export const defaultLimits: StreamLimits = {
  stanzaBytesMax: 262_144,
  tagBytesMax: 16_384,
  nameBytesMax: 1_024,
  depthMax: 128,
  elementsMax: 10_000,
  attributesMax: 128,
  namespacesMax: 64,
  normalFormGrowthMax: 8,
  whitespaceBytesMax: 65_536,
};

/** Limits before authentication: the minimum of bytes in RFC 6120 §13.12, and few elements, each of which takes a
 *  record larger than its tag. */
export const preAuthenticationLimits: StreamLimits = {
  ...defaultLimits,
  stanzaBytesMax: 10_000,
  elementsMax: 256,
};
