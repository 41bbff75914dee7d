/** Limits of one direction of a stream. Every number is a bound on what a peer can make the proxy hold or do;
 *  reaching one ends the stream with `policy-violation` and the code in its description. */
export interface StreamLimits {
  /** One stanza or nonza, `<` to `>`, in bytes. ERR_STANZA_TOO_LARGE */
  readonly stanzaBytesMax: number;
  /** One start or end tag, or the stream header, in bytes. ERR_TAG_TOO_LARGE */
  readonly tagBytesMax: number;
  /** One qualified name in bytes. ERR_NAME_TOO_LONG */
  readonly nameBytesMax: number;
  /** Nested elements, the stanza itself being 1. ERR_DEPTH */
  readonly depthMax: number;
  /** Elements in one stanza. ERR_ELEMENT_COUNT */
  readonly elementsMax: number;
  /** Attributes of one tag, namespace declarations included: a roster of many contacts is no attack.
   *  ERR_ATTRIBUTE_COUNT */
  readonly attributesMax: number;
  /** Namespace declarations in scope at once, the stream header's not counted. ERR_NAMESPACE_COUNT */
  readonly namespacesMax: number;
  /** How many times as long as received a stanza may become in normal form (canonical.ts): declarations move to where
   *  they are used. ERR_NORMAL_FORM_GROWTH */
  readonly normalFormGrowthMax: number;
  /** White space between two stanzas in bytes: weeks of keep-alives. ERR_WHITESPACE_RUN */
  readonly whitespaceBytesMax: number;
}

/** Limits of an authenticated stream. RFC 6120 §13.12 asks for at least 10,000 bytes per stanza. */
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

/** Limits before authentication: the RFC's minimum of bytes, and few elements, each of which takes a record that is
 *  larger than its tag. */
export const preAuthenticationLimits: StreamLimits = {
  ...defaultLimits,
  stanzaBytesMax: 10_000,
  elementsMax: 256,
};
