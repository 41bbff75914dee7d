/** Reasons to refuse a request over HTTP, with remedies; those of signed tokens are in `token.ts`. Both ports answer
 *  with the cause as written here, so it has nothing of a request. ERRORS.md is generated from these tables. */
import type { ErrorRow } from './row.ts';

const caller = 'Correct the caller; docs/http.md says what the route takes.';
const raise = (limit: string): string => `If the caller is legitimate, raise \`http.limits.${limit}\`.`;
const later = (limit: string): string =>
  `Callers come back by themselves; if it lasts, raise \`http.limits.${limit}\` or add replicas.`;
const gatekeeper = 'Look into the log of the gatekeeper; check `gatekeepers[].enlistment`.';
const provider = 'Look into the log of the provider; check `provider.push`. The gatekeeper sends it again.';
const mediaServer = 'Look into the log of the media server; check `provider.media`.';
const uploader =
  'Correct the server of the provider that asks; docs/media-references.md says what the route takes.';
const probing = 'Nothing is to be done unless it happens often, which means that an attacker tries tokens.';

/** Errors of the public port; the admin port uses the first ones too. */
export const httpErrors = {
  ERR_HTTP_NOT_FOUND: {
    cause: 'There is nothing at this path.',
    remedy: 'Compare the path with docs/http.md. Parts that are not configured have no route.',
    status: 404,
  },
  ERR_HTTP_METHOD: {
    cause: 'This path does not take this method.',
    remedy: 'Use a method of the Allow header.',
    status: 405,
  },
  ERR_HTTP_MALFORMED: {
    cause: 'The request is not HTTP that every reader understands alike.',
    remedy: caller,
    status: 400,
  },
  ERR_HTTP_HEADERS: {
    cause: 'The request has too many header fields, or too large ones.',
    remedy: raise('headersMax` or `http.limits.headerBytesMax'),
    status: 431,
  },
  ERR_HTTP_TIMEOUT: {
    cause: 'The request did not arrive in time.',
    remedy: raise('requestTimeoutMs'),
    status: 408,
  },
  ERR_HTTP_OVERLOAD: {
    cause: 'The proxy has more to do than it can.',
    remedy: 'Add replicas; the bounds are in `overload`.',
    status: 503,
  },
  ERR_WEBSOCKET_UPGRADE: {
    cause:
      'The request opens no WebSocket for XMPP: it needs Upgrade, version 13, a key and the subprotocol xmpp (RFC 6455 ' +
      '§4.2.1, RFC 7395 §3.1).',
    remedy: 'Use a client that speaks XMPP over WebSocket, over HTTP/1.1.',
    status: 400,
  },
  ERR_WEBSOCKET_HOST: {
    cause: 'The WebSocket is not served under this host name, or TLS was set up for another one.',
    remedy: 'Use the address in host-meta; it has the host of `http.websocketUrl` or `http.publicUrl`.',
    status: 421,
  },
  ERR_WEBSOCKET_ORIGIN: {
    cause: 'Pages of this origin may not open a WebSocket.',
    remedy: 'If the page is a client of this service, add its origin to `http.websocket.origins`.',
    status: 403,
  },
  ERR_WEBSOCKET_LIMIT: {
    cause: 'As many clients as allowed are connected, in all or from this address, or the proxy is stopping.',
    remedy: 'Raise `limits.connectionsMax` or `limits.connectionsPerAddressMax`, or add replicas.',
    status: 503,
  },
  ERR_HTTP_BODY_TYPE: {
    cause: 'The body is not of a media type that this route takes, or it is encoded.',
    remedy: caller,
    status: 415,
  },
  ERR_HTTP_BODY_TOO_LARGE: {
    cause: 'The body is larger than this route takes.',
    remedy: raise('bodyBytesMax'),
    status: 413,
  },
  ERR_HTTP_BODY_TIMEOUT: {
    cause: 'The body did not arrive in time.',
    remedy: raise('bodyTimeoutMs'),
    status: 408,
  },
  ERR_HTTP_JSON: { cause: 'The body is not a JSON object in UTF-8.', remedy: caller, status: 400 },
  ERR_HTTP_JSON_DUPLICATE: { cause: 'The body names a member twice.', remedy: caller, status: 400 },
  ERR_HTTP_FORM: {
    cause: 'The body is not a form that names each field once, in characters that need no escaping.',
    remedy: caller,
    status: 400,
  },
  ERR_HTTP_MEMBER: {
    cause: 'A member or header is missing, unknown or of the wrong form.',
    remedy: caller,
    status: 400,
  },
  ERR_KEYS_UNAVAILABLE: {
    cause: 'The keys of the issuer cannot be had.',
    remedy:
      'Check `jwksUri` and that its server answers; known keys serve for `http.limits.documentStaleMs`.',
    status: 503,
  },
  ERR_METADATA_UNAVAILABLE: {
    cause: 'The metadata of the issuer cannot be had.',
    remedy: 'Check `provider.configurationUri`, and that the document names `provider.issuer`.',
    status: 503,
  },
  ERR_GATEKEEPER_UNKNOWN: {
    cause: 'There is no such gatekeeper.',
    remedy: 'Use a name of `gatekeepers` that has the section for this route.',
    status: 404,
  },
  ERR_IDEMPOTENCY_KEY: {
    cause: 'Idempotency-Key must be 16 to 128 unguessable characters.',
    remedy: 'Have the client make a random UUID for each enlistment and repeat it when it tries again.',
    status: 400,
  },
  ERR_IDEMPOTENCY_MISMATCH: {
    cause: 'The idempotency key belongs to a different request.',
    remedy: 'Have the client make a new key for each thing it asks for.',
    status: 422,
  },
  ERR_ENLISTMENT_BUSY: {
    cause: 'Too many enlistments are under way.',
    remedy: later('enlistmentConcurrentMax'),
    status: 503,
  },
  ERR_ENLISTMENT_UNDER_WAY: {
    cause: 'The same enlistment is in progress at another replica.',
    remedy: 'None needed: the client asks again after Retry-After, and gets the answer.',
    status: 409,
  },
  ERR_STATE_UNAVAILABLE: {
    cause:
      'The store that replicas share does not answer, so it is unknown whether this request came before.',
    remedy:
      'Check the server of `state.redis` and the way to it. With `state.onStoreLost: continue` requests are served without it.',
    status: 503,
  },
  ERR_ENLISTMENT_REGION: {
    cause: 'Users cannot opt in from where this request comes.',
    remedy:
      'Nothing, where that is meant: `enlistment.regions` names the regions, and an address outside of the table counts as none of them.',
    status: 403,
  },
  ERR_ENLISTMENT_SHAPE: {
    cause: 'This gatekeeper takes enlistments in another form.',
    remedy:
      'Send JSON for a gatekeeper with `protocol: xmpp`, and the published form for one with `protocol: chat-channel`.',
    status: 415,
  },
  ERR_ENLISTMENT_KEY: {
    cause: 'A key of the client is not base64url without padding, or not of its size.',
    remedy: 'Correct the client; docs/http.md has the fields with their sizes.',
    status: 400,
  },
  ERR_ENLISTMENT_WITHDRAWAL: {
    cause: 'Enlistments at this gatekeeper are deleted by a request over the chat channel.',
    remedy: 'Have the client send the request for deletion in its stream.',
    status: 409,
  },
  ERR_ENLISTMENT_INTEGRATOR: {
    cause: 'The gatekeeper does not accept the integrator that the proxy names.',
    remedy: 'Compare `gatekeepers[].chat.integrator` with the number that the gatekeeper has assigned.',
    status: 502,
  },
  ERR_ENLISTMENT_REFUSED: { cause: 'The gatekeeper refused.', remedy: gatekeeper, status: 403 },
  ERR_ENLISTMENT_CONFLICT: {
    cause: 'The gatekeeper knows a conflicting enlistment.',
    remedy: gatekeeper,
    status: 409,
  },
  ERR_ENLISTMENT_UNKNOWN: {
    cause: 'The gatekeeper has no such enlistment.',
    remedy: gatekeeper,
    status: 404,
  },
  ERR_ATTESTATION_UNAVAILABLE: {
    cause: 'The connection could not be attested.',
    remedy: 'Check the signing keys, and that the enlistment API speaks TLS 1.3.',
    status: 503,
  },
  ERR_ENLISTMENT_API_UNREACHABLE: {
    cause: 'The enlistment API of the gatekeeper could not be reached.',
    remedy: gatekeeper,
    status: 502,
  },
  ERR_ENLISTMENT_API_TIMEOUT: {
    cause: 'The enlistment API of the gatekeeper did not answer in time.',
    remedy: gatekeeper,
    status: 504,
  },
  ERR_ENLISTMENT_API_BUSY: {
    cause: 'The enlistment API of the gatekeeper asks to come back later.',
    remedy: gatekeeper,
    status: 503,
  },
  ERR_ENLISTMENT_API_ANSWER: {
    cause: 'The enlistment API of the gatekeeper gave no usable answer.',
    remedy: gatekeeper,
    status: 502,
  },
  ERR_PUSH_CALLER: {
    cause: 'The caller is not this gatekeeper.',
    remedy: 'Check the pinned certificate in `gatekeepers[].push.certFile`; it may have been renewed.',
    status: 403,
  },
  ERR_PUSH_NOTHING_LEFT: {
    cause: 'The policy leaves nothing of this notification.',
    remedy: 'Keep push.recipient for the audience provider.',
    status: 422,
  },
  ERR_PUSH_BUSY: {
    cause: 'Too many notifications are under way.',
    remedy: later('pushWaitingMax` or `http.limits.pushConcurrentMax'),
    status: 503,
  },
  ERR_PUSH_GONE: {
    cause: 'The provider no longer knows this recipient.',
    remedy: 'None needed: the gatekeeper stops notifying it.',
    status: 410,
  },
  ERR_PROVIDER_UNREACHABLE: { cause: 'The provider could not be reached.', remedy: provider, status: 502 },
  ERR_PROVIDER_TIMEOUT: { cause: 'The provider did not answer in time.', remedy: provider, status: 504 },
  ERR_PROVIDER_ANSWER: {
    cause: 'The provider did not take the notification.',
    remedy: provider,
    status: 502,
  },
  ERR_MEDIA_TOKEN: { cause: 'The media token is not one of this proxy.', remedy: probing, status: 404 },
  ERR_MEDIA_TOKEN_EXPIRED: {
    cause: 'The media token has expired.',
    remedy: 'Raise `provider.media.tokenLifetimeMs` if media are fetched later than that.',
    status: 410,
  },
  ERR_MEDIA_TOKEN_AUDIENCE: {
    cause: 'The media token was made for someone else.',
    remedy: 'Check `gatekeepers[].media`: its certificates and addresses may have changed.',
    status: 403,
  },
  ERR_MEDIA_ORIGIN: {
    cause: 'The media server is not on the list.',
    remedy: 'Add it to `provider.media.hosts` or `gatekeepers[].media.hosts` if it is to be relayed.',
    status: 403,
  },
  ERR_MEDIA_ADDRESS: {
    cause: 'The media server resolves to an address that is not allowed.',
    remedy: 'If it is inside the same network on purpose, add its range to `provider.media.allowAddresses`.',
    status: 502,
  },
  ERR_MEDIA_POLICY: {
    cause: 'The policy does not let media be fetched.',
    remedy: 'Keep media.fetch for the audience whose servers are asked.',
    status: 403,
  },
  ERR_MEDIA_BUSY: {
    cause: 'Too many downloads are under way.',
    remedy: later('mediaConcurrentMax'),
    status: 503,
  },
  ERR_MEDIA_NOT_FOUND: { cause: 'The media server does not have it.', remedy: mediaServer, status: 404 },
  ERR_MEDIA_REDIRECT: { cause: 'The media server points elsewhere.', remedy: mediaServer, status: 502 },
  ERR_MEDIA_TOO_LARGE: {
    cause: 'The media is larger than the limit.',
    remedy: raise('mediaBytesMax'),
    status: 502,
  },
  ERR_MEDIA_UNREACHABLE: {
    cause: 'The media server could not be reached.',
    remedy: mediaServer,
    status: 502,
  },
  ERR_MEDIA_TIMEOUT: { cause: 'The media server did not answer in time.', remedy: mediaServer, status: 504 },
  ERR_MEDIA_ANSWER: { cause: 'The media server gave no usable answer.', remedy: mediaServer, status: 502 },
  ERR_MEDIA_REFERENCE_CALLER: {
    cause: 'The caller is not the provider.',
    remedy:
      'Check `provider.media.references`: the pinned certificate may have been renewed, or the bearer token replaced.',
    status: 403,
  },
  ERR_MEDIA_REFERENCE_LENGTH: {
    cause: 'The address is longer than one that a reference is made for.',
    remedy: uploader,
    status: 422,
  },
  ERR_MEDIA_REFERENCE_RATE: {
    cause: 'More references were asked for within a second than are issued.',
    remedy: later('mediaReferencesPerSecondMax'),
    status: 429,
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

/** Errors of the admin port only. */
export const adminErrors = {
  ERR_NOT_READY: {
    cause: 'The proxy takes no new clients.',
    remedy: 'The other members of the answer say why: the proxy is draining, or a listener is not open.',
    status: 503,
  },
  ERR_NOT_STARTED: {
    cause: 'The proxy has not finished starting.',
    remedy: 'Wait; if it lasts, look into the log.',
    status: 503,
  },
  ERR_ADMIN_ADDRESS: {
    cause: 'The API is called from this machine only.',
    remedy:
      'Call it on the loopback, such as by `kubectl port-forward`, or add the address to `admin.addresses`.',
    status: 403,
  },
  ERR_ADMIN_HOST: {
    cause: 'The request names this port by a name that is not listed.',
    remedy: 'Use an IP address or localhost, or add the name to `admin.names`.',
    status: 421,
  },
  ERR_ADMIN_ORIGIN: {
    cause: 'A browser sent the request for a page of another origin.',
    remedy: 'Call the admin port from a program, such as curl.',
    status: 403,
  },
  ERR_DRAIN_SHARE: {
    cause: 'The request to drain has another parameter than one `share`, or its value is not in (0, 1].',
    remedy: 'Say `?share=0.2` for a fifth of the sessions, or no parameter to stop the proxy.',
    status: 400,
  },
  ERR_REFUSAL_UNKNOWN: {
    cause: 'No refusal is kept with this support code.',
    remedy:
      'Ask for the code again: it is kept for fifteen minutes, by the replica that refused the client, and as long as `limits.refusalsMax` allows.',
    status: 404,
  },
  ERR_REFUSAL_LOOKUPS: {
    cause: 'More support codes were looked up within a minute than are answered.',
    remedy: 'Wait a minute. The bound keeps codes from being guessed.',
    status: 429,
  },
  ERR_EXPLAIN_STANZA: {
    cause: 'The text to explain is not one stanza.',
    remedy: 'Send one element with its namespace declared, as XMPP would carry it.',
    status: 422,
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type AdminErrorCode = keyof typeof adminErrors;
