/** `http`, and what of a gatekeeper concerns it: the public port for enlistment, push and media. */
import { z } from 'zod';
import {
  bindHost,
  bound,
  certificate,
  file,
  milliseconds,
  name,
  origin,
  pinned,
  port,
  serviceUrl,
} from '../values.ts';
import { addressRanges, algorithmList } from './provider.ts';
import { regionCode } from './regions.ts';
import { proxyProtocol } from './signals.ts';

const hour = 3_600_000;

/** Defaults are those of `http/limits.ts`; a test compares. */
const limits = z
  .strictObject({
    connectionsMax: bound(10_000, 1, 1_000_000, 'Connections at once.'),
    connectionsPerAddressMax: bound(
      256,
      0,
      1_000_000,
      'Connections at once from one address; 0 for no limit.',
    ),
    headerBytesMax: bound(16_384, 2_048, 65_536, 'Bytes of request line and headers.'),
    headersMax: bound(64, 16, 1_000, 'Header fields of one request.'),
    headersTimeoutMs: milliseconds(
      10_000,
      100,
      'From the first byte of a request to the end of its headers.',
    ),
    requestTimeoutMs: milliseconds(30_000, 100, 'From the first byte of a request to the end of its body.'),
    keepAliveTimeoutMs: milliseconds(15_000, 100, 'Between two requests of one connection.'),
    requestsPerConnectionMax: bound(1_000, 1, 1_000_000, 'Requests of one connection.'),
    loopPercentMax: bound(
      50,
      1,
      100,
      'Percent of the time of the event loop that requests and TLS handshakes may take; the rest is for streams.',
    ),
    http2StreamsMax: bound(100, 1, 10_000, 'Requests at once of one HTTP/2 connection.'),
    http2StreamsTotalMax: bound(10_000, 1, 1_000_000, 'Requests at once of all HTTP/2 connections.'),
    http2WaitingMax: bound(
      8,
      1,
      10_000,
      'Requests of one HTTP/2 connection that may wait for their caller for more than a second.',
    ),
    http2AnswerTimeoutMs: milliseconds(15_000, 100, 'For the caller to take an answer over HTTP/2.'),
    http2ResetsPerMinuteMax: bound(
      200,
      1,
      1_000_000,
      'Streams of one connection that are reset in a minute.',
    ),
    http2SettingsPerMinuteMax: bound(20, 2, 1_000_000, 'SETTINGS frames of one connection in a minute.'),
    http2PingsPerMinuteMax: bound(60, 1, 1_000_000, 'PING frames of one connection in a minute.'),
    http2WindowUpdatesPerMinuteMax: bound(
      2_000,
      10,
      1_000_000,
      'WINDOW_UPDATE frames of one connection in a minute, and one more for each 512 bytes that it was sent.',
    ),
    http2IdleFramesPerMinuteMax: bound(
      200,
      10,
      1_000_000,
      'Frames of one connection in a minute that move nothing: empty DATA, PRIORITY, GOAWAY, unknown types.',
    ),
    http2ContinuationsMax: bound(4, 0, 8, 'CONTINUATION frames of one header block.'),
    http2HeaderTableBytesMax: bound(4_096, 0, 65_536, 'Bytes of each table of HPACK.'),
    http2MegabytesMax: bound(10, 1, 1_000, 'Megabytes that one HTTP/2 connection may hold.'),
    http2ConnectionAgeMs: milliseconds(
      hour,
      1_000,
      'How long an HTTP/2 connection takes requests.',
      30 * 24 * hour,
    ),
    bodyBytesMax: bound(16_384, 1_024, 1_048_576, 'Bytes of a JSON body.'),
    bodyTimeoutMs: milliseconds(10_000, 100, 'From the start of reading a body to its end.'),
    jsonDepthMax: bound(16, 2, 128, 'Nested arrays and objects of any JSON that is read.'),
    tokenBytesMax: bound(8_192, 512, 65_536, 'Bytes of a token (JWT).'),
    documentBytesMax: bound(65_536, 1_024, 1_048_576, 'Bytes of a key set or metadata document.'),
    keysMax: bound(32, 1, 1_000, 'Keys of one key set.'),
    documentTimeoutMs: milliseconds(3_000, 100, 'To fetch such a document.'),
    documentFreshMs: milliseconds(300_000, 0, 'How long it is used without asking again.'),
    documentStaleMs: milliseconds(
      24 * hour,
      0,
      'How long an old one serves while its server fails.',
      30 * 24 * hour,
    ),
    documentCooldownMs: milliseconds(30_000, 0, 'The least time between two attempts to fetch it.'),
    enlistmentTimeoutMs: milliseconds(10_000, 100, 'For the gatekeeper to answer.'),
    enlistmentAnswerBytesMax: bound(16_384, 1_024, 1_048_576, 'Bytes of its answer.'),
    enlistmentConcurrentMax: bound(256, 1, 100_000, 'Enlistments under way at once.'),
    idempotencyEntriesMax: bound(10_000, 1, 1_000_000, 'Sealed answers kept for repeated requests.'),
    idempotencyWindowMs: milliseconds(120_000, 1_000, 'How long each is kept.'),
    noncesMax: bound(100_000, 1, 10_000_000, 'Nonces remembered against replay.'),
    pushTimeoutMs: milliseconds(10_000, 100, 'For the provider to take a notification.'),
    pushConcurrentMax: bound(64, 1, 10_000, 'Notifications on their way to the provider at once.'),
    pushWaitingMax: bound(4_096, 1, 1_000_000, 'Notifications of one gatekeeper under way or waiting.'),
    pushWaitTimeoutMs: milliseconds(10_000, 0, 'How long one may wait for its turn.'),
    pushDeliveredMax: bound(50_000, 1, 10_000_000, 'Delivered notifications remembered.'),
    pushDeliveredMs: milliseconds(600_000, 0, 'How long each is remembered.'),
    mediaBytesMax: bound(4 * 1024 ** 3, 1_024, 1024 ** 4, 'Bytes of one download.'),
    mediaConcurrentMax: bound(512, 1, 100_000, 'Downloads at once.'),
    mediaFirstByteTimeoutMs: milliseconds(10_000, 100, 'For the media server to start its answer.'),
    mediaStallTimeoutMs: milliseconds(30_000, 100, 'Without a byte moving, on either side.'),
    mediaReferencesPerSecondMax: bound(100, 1, 100_000, 'References issued to the provider in one second.'),
    mediaReferenceAddressCharsMax: bound(
      2_048,
      64,
      2_048,
      'Characters of an address that a reference is made for.',
    ),
  })
  .prefault({})
  .describe('Bounds on what a caller can make the public port hold, do or wait for.');

/** Origins are written out: a wildcard would take each page of a domain that others may write to. */
const webSocket = z
  .strictObject({
    name: name
      .default('websocket')
      .describe('Its name in logs, metrics and conditions of policies, as of a listener.'),
    origins: z
      .array(origin.refine((text) => !text.includes('*'), 'an origin without a wildcard'))
      .max(100)
      .default([])
      .describe(
        'Origins of web pages that may connect, in addition to that of `publicUrl`. Other pages are refused; clients that are ' +
          'no page send no origin.',
      ),
  })
  .describe(
    'XMPP over WebSocket for clients (RFC 7395), at /xmpp-websocket of this port. Without it none is served.',
  );

export const publicHttp = z
  .strictObject({
    host: bindHost.default('::').describe('Address to listen on; `::` is every address, IPv4 included.'),
    port: port.default(8_443).describe('TCP port of HTTPS; 0 takes a free one.'),
    proxyProtocol: proxyProtocol.optional(),
    http2: z
      .boolean()
      .default(true)
      .describe('Whether HTTP/2 is offered to callers that can speak it; HTTP/1.1 always is.'),
    publicUrl: serviceUrl.describe(
      'Base URL under which clients and gatekeepers reach this port; it is in metadata and in media addresses.',
    ),
    websocketUrl: z
      .string()
      .regex(/^wss:\/\/[^?#]+$/, 'a wss URL')
      .optional()
      .describe(
        'WebSocket endpoint for clients in host-meta (XEP-0156); by default that of `websocket` under `publicUrl`, if there is ' +
          'one.',
      ),
    websocket: webSocket.optional(),
    certificates: z
      .array(certificate)
      .min(1)
      .max(100)
      .optional()
      .describe('Certificates of this port; by default those at the top of the file.'),
    limits,
  })
  .describe('The public HTTPS port: enlistment, push, media, issuer metadata. Without it none is served.');

export const enlistment = z
  .strictObject({
    url: serviceUrl.describe(
      'The collection of enlistments in its API; single ones are below it. With `protocol: chat-channel` the endpoint that ' +
        'takes the published form.',
    ),
    caFile: file
      .optional()
      .describe('Certificate authorities in PEM form to trust there; by default `caFile` of the gatekeeper.'),
    answerMembers: z
      .array(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'the name of a JSON member'))
      .max(100)
      .default([])
      .describe(
        'Members of its answer that the client gets in addition to `id`; scalars only. With `protocol: xmpp` only.',
      ),
    versionField: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,31}$/, 'the name of a form field')
      .refine(
        (name) => name !== 'authkey' && name !== 'token' && !name.startsWith('e_'),
        'a field of its own',
      )
      .optional()
      .describe(
        'Field of the form in which the proxy states the version of the protocol, `chat.appVersion` with dots; by default ' +
          '`version`. With `protocol: chat-channel` only.',
      ),
    regions: z
      .array(regionCode)
      .min(1)
      .max(300)
      .optional()
      .describe(
        'Countries and regions whose users may opt in, by the address of the request and the table of `regions`. An address ' +
          'that is not in the table is refused. Without it users may opt in from anywhere.',
      ),
  })
  .describe('Its enlistment API. Without it users cannot opt in through the proxy.');

export const pushCaller = z
  .strictObject({
    certFile: pinned.optional(),
    issuer: z.string().min(1).max(1_024).optional().describe('`iss` of the tokens it signs for its calls.'),
    jwksUri: serviceUrl.optional().describe('Where its public keys are (RFC 7517).'),
    jwksFile: file
      .optional()
      .describe('Its public keys, in place of `jwksUri`: a JWK set (RFC 7517). Read again when it changes.'),
    caFile: file
      .optional()
      .describe('Certificate authorities in PEM form to trust at `jwksUri` instead of the public ones.'),
    algorithms: algorithmList
      .optional()
      .describe(
        'Signature algorithms of its tokens; by default ES256 and EdDSA. RS256 alone with `protocol: chat-channel`.',
      ),
    audience: z
      .string()
      .min(1)
      .max(1_024)
      .optional()
      .describe('`aud` of its tokens; by default `http.publicUrl`. With `protocol: chat-channel` only.'),
    lifetimeMs: z
      .int()
      .min(1_000)
      .max(12 * hour)
      .optional()
      .describe(
        'The most that may lie between `iat` and `exp`; by default an hour. With `protocol: chat-channel` only. ' +
          `Milliseconds, 1000 to ${12 * hour}.`,
      ),
    tokenUse: z
      .enum(['single', 'many'])
      .optional()
      .describe(
        'Whether a token that has a `jti` is for one notification (`single`, the default) or for several. With ' +
          '`protocol: chat-channel` only.',
      ),
  })
  .describe(
    'How it shows who it is when it pushes: by a pinned certificate, by a token of `issuer`, or both where both are ' +
      'set; with `protocol: chat-channel` by a token in any case. Without this section it cannot push.',
  );

export const mediaCallers = z
  .strictObject({
    certFile: pinned.optional(),
    addresses: addressRanges.min(1).optional().describe('Address ranges its media proxy calls from.'),
    hosts: z
      .array(origin)
      .max(100)
      .default([])
      .describe('Origins of its own storage, from which clients fetch media through the proxy.'),
    caFile: file
      .optional()
      .describe('Certificate authorities in PEM form to trust at `hosts` instead of the public ones.'),
    allowAddresses: addressRanges
      .default([])
      .describe('Address ranges that are not public, and allowed for `hosts` all the same.'),
  })
  .describe(
    'How its media proxy is recognised: by a pinned certificate, by its address, or both where both are set. With ' +
      'neither, any holder of a sealed address made for it can use it. Without this section it gets no media.',
  );
