/** Why a gatekeeper cannot be reached, in closed words. The log, the metrics and the spans have the word, `narthex
 *  check --connect` prints cause and remedy, a client is sent the text. None of them contains anything from the
 *  wire. */

export interface DialCauseRow {
  /** What happened, in one sentence for the operator. */
  readonly cause: string;
  /** What the operator can do. */
  readonly remedy: string;
  /** Text for the user of a client, to whom a gatekeeper is a messaging server. */
  readonly text: string;
}

const dates = 'Have the gatekeeper renew its certificate; compare the clock of this machine.';

export const dialCauses = {
  'name-unresolved': {
    cause: 'The name of its server does not resolve.',
    remedy: 'Correct the name under `connect`, or the DNS records, or the resolver of this machine.',
    text: "The messaging server's name does not resolve.",
  },
  'not-offered': {
    cause: 'The SRV records of the domain say that it has no such service (RFC 2782, target `.`).',
    remedy: 'Correct `connect.srv`, or have the gatekeeper publish its service.',
    text: 'The messaging server offers no such service.',
  },
  refused: {
    cause: 'Its port refuses connections.',
    remedy: 'Correct the port under `connect`; see whether the server runs and a firewall rejects the proxy.',
    text: 'The messaging server refuses connections.',
  },
  'timed-out': {
    cause: 'It did not answer in time.',
    remedy:
      'See whether a firewall drops the packets of the proxy; raise `timeouts.dialMs` for a slow gatekeeper.',
    text: 'The messaging server does not answer.',
  },
  'no-route': {
    cause: 'The network has no route to its address.',
    remedy: 'Correct the routes of this machine; an IPv6 address needs IPv6 here.',
    text: 'The network does not lead to the messaging server.',
  },
  'connection-lost': {
    cause: 'It ended the connection before TLS was up.',
    remedy: 'Look into its log; see whether `connect` names a client port with the right TLS mode.',
    text: 'The messaging server has closed the connection.',
  },
  unreachable: {
    cause: 'No connection came about, for a rarer reason.',
    remedy: 'Check `connect`, DNS, and the network between proxy and gatekeeper.',
    text: 'The messaging server cannot be reached.',
  },
  'authority-unknown': {
    cause: 'Its certificate leads to no authority that is trusted here.',
    remedy:
      'Name the authorities of the gatekeeper in `caFile`, or have it send its intermediate certificates.',
    text: "The messaging server's certificate is of an unknown authority.",
  },
  'name-mismatch': {
    cause: 'Its certificate is for other names than the domain.',
    remedy:
      'Have the gatekeeper get a certificate with the domain in it, whatever host is dialled (RFC 6120 §13.7).',
    text: "The messaging server's certificate is for another name.",
  },
  expired: {
    cause: 'Its certificate, or one above it, has expired.',
    remedy: dates,
    text: "The messaging server's certificate has expired.",
  },
  'not-yet-valid': {
    cause: 'Its certificate, or one above it, is not valid yet.',
    remedy: dates,
    text: "The messaging server's certificate is not valid yet.",
  },
  'no-websocket': {
    cause: 'It takes no WebSocket for XMPP at this address.',
    remedy:
      'Correct `connect.websocket`; see whether its HTTP server offers XMPP over WebSocket (RFC 7395) there.',
    text: 'The messaging server takes no WebSocket.',
  },
  'plain-text': {
    cause: 'It speaks clear text where TLS is required, and offers no STARTTLS.',
    remedy:
      'Check that `connect` names an XMPP client port, and that the gatekeeper has TLS switched on there.',
    text: 'The messaging server does not encrypt the connection.',
  },
  'tls-mode': {
    cause: 'It starts TLS in the other mode than `connect` says.',
    remedy:
      'Write `tls: starttls` in place of `tls: direct`, or the reverse; with `srv`, correct the SRV records.',
    text: 'The messaging server starts encryption in another way than was configured.',
  },
  'tls-failed': {
    cause:
      'The TLS handshake failed: no common version or cipher, our certificate refused, or it was broken off.',
    remedy: 'Look into the log of the gatekeeper; check `clientCertFile` and the TLS mode under `connect`.',
    text: 'No encrypted connection to the messaging server came about.',
  },
  'stream-refused': {
    cause: 'It ended the stream, or refused STARTTLS, before TLS was up.',
    remedy: 'Check that it serves the domain; look into its log.',
    text: 'The messaging server refuses the stream.',
  },
  'not-xmpp': {
    cause:
      'Its answer to the stream header cannot be followed: no XMPP, or data that TLS must not be preceded by.',
    remedy: 'Check that `connect` names an XMPP client port.',
    text: 'The messaging server gave no usable answer.',
  },
  'handshake-failed': {
    cause: 'It does not finish the Noise handshake of the chat channel.',
    remedy: 'Check that `connect` names a chat server of the gatekeeper; look into its log.',
    text: 'No encrypted connection to the messaging server came about.',
  },
  'chain-refused': {
    cause: 'Its certificates are not those of the configured root, or are for another key.',
    remedy: "Compare `chat.rootKey` and `chat.rootSerial` with the gatekeeper's documentation.",
    text: "The messaging server's certificates are of an unknown authority.",
  },
  'login-refused': {
    cause: 'It ended the connection before it had answered the login.',
    remedy: 'Look into its log; compare the settings in `chat` with its documentation.',
    text: 'The messaging server has closed the connection.',
  },
  redirected: {
    cause: 'It wants the connection elsewhere (see-other-host), which the proxy does not follow.',
    remedy: 'Name the other address in `connect`, or have the gatekeeper not redirect.',
    text: 'The messaging server sends its users elsewhere.',
  },
} as const satisfies Readonly<Record<string, DialCauseRow>>;

export type DialCause = keyof typeof dialCauses;

/** All causes, in the order of the table. */
export const dialCauseNames = Object.keys(dialCauses) as readonly DialCause[];
