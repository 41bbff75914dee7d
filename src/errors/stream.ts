/** Every code that ends a stream. */
import type { ErrorRow } from './row.ts';

const raise = (limit: string): string =>
  `If the peer is legitimate, raise \`limits.${limit}\`; otherwise nothing is to be done.`;
const peer = 'The peer is broken or hostile; `narthex scan` shows at which byte it went wrong.';

const noStatement =
  'The messaging server asks for a statement about this connection that cannot be given; its operator and that of ' +
  'this service have to agree on how.';

export const streamErrors = {
  ERR_XML_NOT_WELL_FORMED: {
    cause: 'The bytes are not well-formed XML (RFC 6120 §11.3).',
    remedy: peer,
    conditions: ['not-well-formed'],
    exit: 'dataError',
  },
  ERR_XML_RESTRICTED: {
    cause:
      'A comment, processing instruction, DTD or entity reference, all of which XMPP forbids (RFC 6120 §11.1).',
    remedy: peer,
    conditions: ['restricted-xml'],
    exit: 'dataError',
  },
  ERR_XML_ENCODING: {
    cause: 'The XML declaration asks for an encoding other than UTF-8 (RFC 6120 §11.6).',
    remedy: 'Have the peer send UTF-8.',
    conditions: ['unsupported-encoding'],
    exit: 'dataError',
  },
  ERR_XML_UTF8: {
    cause: 'The bytes are not valid UTF-8.',
    remedy: peer,
    conditions: ['not-well-formed'],
    exit: 'dataError',
  },
  ERR_XML_NAMESPACE: {
    cause:
      'A prefix is undeclared, or a reserved prefix or namespace name is bound otherwise than it must be.',
    remedy: peer,
    conditions: ['not-well-formed'],
    exit: 'dataError',
  },
  ERR_XML_AMBIGUOUS: {
    cause:
      'Legal XML that real parsers read differently, refused so that proxy and gatekeeper cannot disagree.',
    remedy: 'Have the peer avoid it; there is no option to let it through.',
    conditions: ['policy-violation'],
    exit: 'dataError',
  },
  ERR_STREAM_TEXT: {
    cause: 'Text other than white space between two stanzas.',
    remedy: peer,
    conditions: ['bad-format'],
  },
  ERR_STREAM_HEADER: {
    cause: 'What came first is not a stream header (RFC 6120 §4.7).',
    remedy: 'Check that the peer speaks XMPP on this port and uses the TLS mode of the listener.',
    conditions: ['bad-format', 'invalid-namespace'],
  },
  ERR_WEBSOCKET_MESSAGE: {
    cause:
      'A WebSocket message is not one XML element: it is empty or binary, begins with something else, or holds more ' +
      '(RFC 7395 §3.3.3).',
    remedy: 'Check that the peer sends each element in a text message of its own.',
    conditions: ['bad-format'],
  },
  ERR_WEBSOCKET_NAMESPACE: {
    cause:
      'An element in a WebSocket message has no namespace: each message must declare all that it uses (RFC 7395 §3.3.3).',
    remedy: "Have the peer declare the namespace in each message, `xmlns='jabber:client'` for stanzas.",
    conditions: ['invalid-namespace'],
  },
  ERR_WEBSOCKET_FRAME: {
    cause:
      'A WebSocket frame breaks RFC 6455: reserved bits, masking, fragments, UTF-8 or the close code; or a message came in ' +
      'too many pieces.',
    remedy: 'The peer is broken or hostile.',
    conditions: ['bad-format'],
  },
  ERR_WEBSOCKET_PINGS: {
    cause: 'More WebSocket pings between two messages than any keep-alive needs.',
    remedy: raise('whitespaceBytesMax'),
    conditions: ['policy-violation'],
  },
  ERR_STANZA_TOO_LARGE: {
    cause: 'A stanza has more bytes than allowed; before authentication the bound is lower.',
    remedy: raise('stanzaBytesMax` or `limits.preAuthStanzaBytesMax'),
    conditions: ['policy-violation'],
  },
  ERR_TAG_TOO_LARGE: {
    cause: 'A tag or the stream header has more bytes than allowed.',
    remedy: raise('tagBytesMax'),
    conditions: ['policy-violation'],
  },
  ERR_NAME_TOO_LONG: {
    cause: 'An element or attribute name is longer than allowed.',
    remedy: raise('nameBytesMax'),
    conditions: ['policy-violation'],
  },
  ERR_DEPTH: {
    cause: 'Elements are nested deeper than allowed.',
    remedy: raise('depthMax'),
    conditions: ['policy-violation'],
  },
  ERR_ELEMENT_COUNT: {
    cause: 'A stanza has more elements than allowed.',
    remedy: raise('elementsMax` or `limits.preAuthElementsMax'),
    conditions: ['policy-violation'],
  },
  ERR_ATTRIBUTE_COUNT: {
    cause: 'A tag has more attributes than allowed.',
    remedy: raise('attributesMax'),
    conditions: ['policy-violation'],
  },
  ERR_NAMESPACE_COUNT: {
    cause: 'More namespace declarations are in scope than allowed.',
    remedy: raise('namespacesMax'),
    conditions: ['policy-violation'],
  },
  ERR_NORMAL_FORM_GROWTH: {
    cause:
      'A stanza would become many times as long in normal form: it uses prefixes of long namespace names again and again.',
    remedy: raise('normalFormGrowthMax'),
    conditions: ['policy-violation'],
  },
  ERR_WHITESPACE_RUN: {
    cause: 'More white space between two stanzas than any keep-alive needs.',
    remedy: raise('whitespaceBytesMax'),
    conditions: ['policy-violation'],
  },
  ERR_HANDSHAKE_TIMEOUT: {
    cause: 'The TLS handshake was not finished in time.',
    remedy:
      'Check the TLS mode of the listener and of the client; raise `timeouts.handshakeMs` for very slow links.',
    conditions: ['connection-timeout'],
  },
  ERR_PRE_AUTH_TIMEOUT: {
    cause: 'The client did not authenticate in time.',
    remedy: 'Raise `timeouts.preAuthMs` if people have to type a password or a second factor meanwhile.',
    conditions: ['connection-timeout'],
  },
  ERR_WRITE_STALL: {
    cause: 'A peer read nothing for too long while data waited for it.',
    remedy: 'The connection was probably dead already; raise `timeouts.writeStallMs` for very slow links.',
  },
  ERR_IDLE_TIMEOUT: {
    cause: 'A session was silent in both directions for too long.',
    remedy: 'Raise `timeouts.idleMs` above the keep-alive interval of the clients, or set it to 0.',
    conditions: ['connection-timeout'],
  },
  ERR_CONNECTION_LIMIT: {
    cause: 'As many clients as allowed are connected.',
    remedy: 'Raise `limits.connectionsMax`, or add replicas.',
  },
  ERR_ADDRESS_LIMIT: {
    cause: 'As many clients as allowed are connected from one address.',
    remedy:
      'Raise `limits.connectionsPerAddressMax` when many clients share an address (NAT, a load balancer).',
  },
  ERR_STANZA_RATE: {
    cause: 'A client sent more stanzas than its rate for too long.',
    remedy:
      'If the client is legitimate, raise `limits.stanzasPerSecondMax`, `limits.stanzaBurstMax` or `timeouts.overRateMs`; ' +
      'otherwise nothing is to be done.',
    text: 'Too many stanzas for too long.',
  },
  ERR_BYTE_RATE: {
    cause: 'A client sent more bytes than its rate for too long.',
    remedy:
      'If the client is legitimate, raise `limits.bytesPerSecondMax` or `timeouts.overRateMs`; otherwise nothing is to ' +
      'be done.',
    text: 'Too many bytes for too long.',
  },
  ERR_SESSION_AGE: {
    cause: 'A session reached the age at which clients are asked to connect again.',
    remedy: 'None needed: clients reconnect. `timeouts.sessionAgeMs` sets the age.',
    conditions: ['reset'],
    text: 'Connect again.',
  },
  ERR_OVERLOAD: {
    cause:
      'The process has more to do than it can, or holds too much memory, and takes no new sessions for now.',
    remedy:
      'Add replicas; `narthex_overloaded` and the log event `proxy.overloaded` say when and by how much. The bounds are ' +
      'in `overload`.',
    conditions: ['resource-constraint'],
    text: 'The service is busy; try again later.',
  },
  ERR_STARTTLS_PIPELINED: {
    cause:
      'Bytes followed <starttls/> in clear text, which would let a third party inject XML into the TLS session.',
    remedy: 'The peer is broken or under attack; nothing is to be configured.',
    conditions: ['policy-violation'],
  },
  ERR_STARTTLS_REQUIRED: {
    cause: 'The client did something else than STARTTLS on a connection without TLS.',
    remedy: 'Have the client use TLS; it is not optional.',
    conditions: ['policy-violation'],
    text: 'STARTTLS comes first.',
  },
  ERR_TLS_HANDSHAKE: {
    cause: 'The TLS handshake with the client failed.',
    remedy: 'Check that a certificate covers the domain and that the client supports TLS 1.2 or newer.',
    conditions: ['undefined-condition'],
  },
  ERR_UNKNOWN_DOMAIN: {
    cause: 'The client asked for a domain that is not served here.',
    remedy: 'Add the domain to `domains`, or correct the DNS records that led the client here.',
    conditions: ['host-unknown'],
    text: 'This service does not serve that domain.',
  },
  ERR_SNI_MISMATCH: {
    cause: 'The domain in the TLS handshake and the one in the stream header lead to different places.',
    remedy: 'Have the client send the XMPP domain as SNI, not the name of the host.',
    conditions: ['host-unknown'],
    text: 'The server name in TLS is not the domain of the stream.',
  },
  ERR_STREAM_VERSION: {
    cause: 'The stream header has no version 1.0 (RFC 6120 §4.7.5).',
    remedy: 'Use a client younger than 2004.',
    conditions: ['unsupported-version'],
  },
  ERR_RESTART_PIPELINED: {
    cause: 'Bytes that belong to neither the old nor the new stream came around a stream restart.',
    remedy: peer,
    conditions: ['policy-violation'],
  },
  ERR_CHANNEL_BINDING: {
    cause:
      'A client chose SCRAM with channel binding (`SCRAM-…-PLUS`), which the gatekeeper offers and which cannot pass an ' +
      'intermediary.',
    remedy:
      'List the -PLUS mechanisms in `disable_sasl_mechanisms` of Prosody or ejabberd; or give proxy and gatekeeper the ' +
      'same certificate and set `channelBinding: same-certificate` (Prosody 13 also needs `tls_server_end_point_hash`); ' +
      'or let the proxy authenticate by itself with `channelBinding: reauthenticate`. docs/channel-binding.md ' +
      'has the lines to write.',
    conditions: ['policy-violation'],
    text:
      'Channel binding cannot pass this intermediary. The messaging server must not offer it (disable_sasl_mechanisms), ' +
      'or the intermediary must present its certificate or authenticate by itself.',
  },
  ERR_CHANNEL_BINDING_FLAG: {
    cause:
      'A client that can bind channels said that it sees no such offer (gs2 flag `y`, RFC 5802 §6), and a gatekeeper ' +
      'that can bind them takes that for an attack. Prosody 13 does even with its -PLUS mechanisms disabled.',
    remedy:
      'For Prosody, load the module in docs/channel-binding.md, which makes it forget that it could bind; or choose ' +
      '`channelBinding: same-certificate` or `reauthenticate`.',
    conditions: ['policy-violation'],
    text:
      'The messaging server can bind channels and refuses clients that can too but see no such offer. Channel binding ' +
      'must be switched off there altogether, or the intermediary must present its certificate or authenticate by itself.',
  },
  ERR_REAUTHENTICATION_OFFER: {
    cause:
      'The gatekeeper does not offer OAUTHBEARER, the mechanism that takes an ownership token, which ' +
      '`channelBinding: reauthenticate` needs.',
    remedy: 'Have the gatekeeper offer it (RFC 7628), or choose another `channelBinding`.',
    conditions: ['policy-violation'],
    text: 'The messaging server does not take ownership tokens.',
  },
  ERR_AUTHENTICATION_ATTEMPTS: {
    cause: 'A client began one more authentication than a session may, after those before had failed.',
    remedy: raise('authenticationAttemptsMax'),
    conditions: ['policy-violation'],
    text: 'Too many attempts to authenticate.',
  },
  ERR_NEGOTIATION: {
    cause: 'The client sent something that has no place at this point of the negotiation.',
    remedy:
      'Have the client do one thing after the other: TLS, authentication, resource binding, then stanzas.',
    conditions: ['not-authorized', 'policy-violation', 'unsupported-feature', 'unsupported-stanza-type'],
  },
  ERR_CLIENT_GAVE_UP: {
    cause: 'The client ended its stream with a stream error of its own (RFC 6120 §4.9).',
    remedy: 'The log of the client says why; what it said is not passed on.',
    conditions: ['undefined-condition'],
  },
  ERR_SM_COUNT: {
    cause: 'A peer acknowledged more stanzas than it was sent, or a count that is no number (XEP-0198 §4).',
    remedy: 'A fault of that peer; its stream is closed so that nothing is taken for delivered that was not.',
    conditions: ['undefined-condition', 'bad-format'],
  },
  ERR_SM_WINDOW: {
    cause: 'Stream management is on and a peer has acknowledged nothing for tens of thousands of stanzas.',
    remedy: 'The peer has to answer requests for acknowledgement; it can connect again.',
    conditions: ['resource-constraint'],
  },
  ERR_WAITING: {
    cause: 'Too many stanzas wait for one that is held until its sender has answered.',
    remedy:
      'The client can connect again; a client that never answers disco#info and sends much is the usual cause.',
    conditions: ['resource-constraint'],
  },
  ERR_GATEKEEPER_UNREACHABLE: {
    cause: 'No connection to the gatekeeper came about; the cause with the code says why.',
    remedy: 'Do what the table of causes below says; `narthex check --connect` finds the cause again.',
    conditions: ['remote-connection-failed'],
    exit: 'unavailable',
  },
  ERR_GATEKEEPER_TLS: {
    cause:
      'TLS with the gatekeeper failed, or its certificate was not accepted; the cause with the code says why.',
    remedy: 'Do what the table of causes below says; `narthex check --connect` finds the cause again.',
    conditions: ['remote-connection-failed'],
    exit: 'unavailable',
  },
  ERR_GATEKEEPER_NEGOTIATION: {
    cause: 'The gatekeeper answered the opening of the stream in a way that cannot be followed.',
    remedy: 'Check that `connect` names a client port, and that the gatekeeper serves the domain.',
    conditions: ['remote-connection-failed'],
    exit: 'unavailable',
  },
  ERR_GATEKEEPER_CLOSED: {
    cause: 'The gatekeeper closed or lost the connection.',
    remedy: 'Look into the log of the gatekeeper.',
    conditions: ['remote-connection-failed'],
    text: 'The messaging server has closed the connection.',
  },
  ERR_GATEKEEPER_REDIRECT: {
    cause: 'The gatekeeper wants the connection elsewhere (see-other-host), which the proxy does not follow.',
    remedy: 'Name the other address in `gatekeepers[].connect`, or have the gatekeeper not redirect.',
    conditions: ['remote-connection-failed'],
    exit: 'unavailable',
  },
  ERR_CHANNEL_HANDSHAKE: {
    cause:
      'The handshake of the chat channel failed, or its certificates were not accepted; the cause with the code says why.',
    remedy: 'Do what the table of causes below says; `narthex check --connect` finds the cause again.',
    conditions: ['remote-connection-failed'],
    exit: 'unavailable',
  },
  ERR_CHANNEL_PAYLOAD: {
    cause: "The client's ownership token does not fit the handshake of the chat channel.",
    remedy: 'Let the provider issue tokens of at most 4 KiB.',
    conditions: ['policy-violation'],
    text: 'The token is too large for the messaging server.',
  },
  ERR_CHANNEL_LOGIN: {
    cause: 'The gatekeeper sent more before it had accepted a login than `chat.limits.earlyBytesMax` allows.',
    remedy: 'Raise the limit if the gatekeeper is known to do that.',
    conditions: ['remote-connection-failed'],
  },
  ERR_CHANNEL_FRAME: {
    cause: 'The gatekeeper announced a frame with more bytes than allowed.',
    remedy: 'If the gatekeeper is known to do that, raise `chat.limits.frameBytesMax`.',
    conditions: ['remote-connection-failed'],
  },
  ERR_CHANNEL_AUTHENTICATION: {
    cause: 'A frame of the gatekeeper was changed, repeated, left out or forged: it does not decrypt.',
    remedy:
      'See whether something between the proxy and the gatekeeper changes bytes; otherwise it is an attack.',
    conditions: ['remote-connection-failed'],
  },
  ERR_CHANNEL_EXHAUSTED: {
    cause: 'A connection has used all counters of its keys, which never repeat.',
    remedy: 'None needed: clients connect again.',
    conditions: ['reset'],
    text: 'Connect again.',
  },
  ERR_CHANNEL_CODEC: {
    cause: 'A frame of the gatekeeper violates the binary protocol, or exceeds a limit of `chat.limits`.',
    remedy: 'Raise the limit if the gatekeeper is known to exceed it; otherwise please report the version.',
    conditions: ['remote-connection-failed'],
  },
  ERR_CHANNEL_STANZA: {
    cause:
      'A stanza of the client has no form in the binary protocol, and is of a kind that cannot be answered with an error; or too many such errors wait.',
    remedy: 'Have the client write the XML form of docs/chat-channel.md.',
    conditions: ['policy-violation'],
    text: 'A stanza has no form in the protocol of the messaging server.',
  },
  ERR_CHANNEL_RESTART: {
    cause: 'The gatekeeper asks for a new connection (stream:error 515).',
    remedy: 'None needed: clients connect again.',
    conditions: ['reset'],
    text: 'Connect again.',
  },
  ERR_CHANNEL_REMOVED: {
    cause:
      'The gatekeeper has removed the device or ended the login (stream:error 401, 516, device_removed).',
    remedy: 'Have the client enlist again.',
    conditions: ['not-authorized'],
    text: 'The messaging server has ended the login.',
  },
  ERR_CHANNEL_CONFLICT: {
    cause: 'Another connection has replaced this one at the gatekeeper (stream:error 409, conflict).',
    remedy: 'See whether a client logs in twice with one account.',
    conditions: ['conflict'],
    text: 'Another connection has replaced this one.',
  },
  ERR_CHANNEL_RATE: {
    cause: 'The client has sent more than the gatekeeper takes (stream:error 429).',
    remedy: 'Lower `limits.stanzasPerSecondMax` of the gatekeeper, so that the proxy slows the client first.',
    conditions: ['policy-violation'],
    text: 'The messaging server takes no more from this client for now.',
  },
  ERR_CHANNEL_SHUTDOWN: {
    cause: 'The gatekeeper is stopping (stream:error 503).',
    remedy: 'None needed: clients connect again.',
    conditions: ['system-shutdown'],
    text: 'Connect again.',
  },
  ERR_CHANNEL_ACK: {
    cause: 'The gatekeeper ends the connection, since a stanza was not acknowledged (stream:error with ack).',
    remedy: 'Have the client acknowledge what it receives.',
    conditions: ['undefined-condition'],
  },
  ERR_CHANNEL_ENDED: {
    cause: 'The gatekeeper ends the connection with a stream:error that is not known here.',
    remedy: "See the gatekeeper's documentation.",
    conditions: ['undefined-condition'],
    text: 'The messaging server has closed the connection.',
  },
  ERR_PROXY_HEADER: {
    cause: 'A trusted load balancer sent no PROXY protocol header that could be read, or not in time.',
    remedy:
      'Turn the PROXY protocol on at the load balancer, or take it out of `listeners[].proxyProtocol.trusted`.',
  },
  ERR_PROXY_AUTHENTICATION: {
    cause:
      'The PROXY protocol header of a trusted load balancer has an HMAC that no secret of `proxyProtocol.authentication` makes.',
    remedy:
      'Give the load balancer and `authentication.keyFiles` the same secret; while it is replaced, name the old and the new one.',
  },
  ERR_SIGNALS_NOT_OFFERED: {
    cause:
      'Attestations are required and the gatekeeper does not advertise connection signals before authentication.',
    remedy: 'Have the gatekeeper advertise them, or set `gatekeepers[].attestation.required` to false.',
    text: noStatement,
  },
  ERR_SIGNALS_TLS_VERSION: {
    cause:
      'Attestations are required, and the gatekeeper speaks TLS 1.2, which they cannot be bound to (RFC 9266).',
    remedy: 'Have the gatekeeper speak TLS 1.3, or set `gatekeepers[].attestation.required` to false.',
    text: noStatement,
  },
  ERR_SIGNALS_CERTIFICATE: {
    cause:
      'Attestations are required in the PROXY header, and there is no client certificate to bind them to.',
    remedy: 'Set `gatekeepers[].clientCertFile` and `clientKeyFile`.',
    text: noStatement,
  },
  ERR_SIGNALS_NO_KEY: {
    cause: 'Attestations are required and no signing key may sign yet.',
    remedy: 'Put a key into `signals.keysFolder` whose start has come.',
    text: noStatement,
  },
  ERR_SIGNALS_TOO_LARGE: {
    cause: 'Attestations are required and the PROXY header with one is larger than allowed.',
    remedy:
      'Raise `gatekeepers[].attestation.carriers.proxyProtocol.headerBytesMax` if the gatekeeper can read it.',
    conditions: ['remote-connection-failed'],
    text: noStatement,
  },
  ERR_SHUTDOWN: {
    cause: 'The proxy is stopping.',
    remedy: 'None needed: clients reconnect.',
    conditions: ['system-shutdown'],
    text: 'Connect again.',
  },
  ERR_INTERNAL: {
    cause: 'A defect of the proxy.',
    remedy: 'Please report it with the version and the log lines around it.',
    conditions: ['internal-server-error'],
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type StreamErrorCode = keyof typeof streamErrors;

/** Returns whether a value is a code of the table. */
export function isStreamErrorCode(value: unknown): value is StreamErrorCode {
  return typeof value === 'string' && Object.hasOwn(streamErrors, value);
}
