/** Closed words in reports about the HTTP plane: routes as patterns, never paths, and how requests ended. */
import { http2Errors } from '../errors/http2.ts';
import { httpErrors } from '../errors/http.ts';
import { tokenErrors } from '../errors/token.ts';

/** Every route of the public port; `*` for a request without one. */
export const httpRoutes = [
  '/.well-known/openid-configuration',
  '/.well-known/jwks.json',
  '/.well-known/oauth/openid/jwks',
  '/.well-known/host-meta',
  '/.well-known/host-meta.json',
  '/enlistments',
  '/enlistments/:id',
  '/push',
  '/push/:gatekeeper',
  '/media/references',
  '/media/references/:reference',
  '/media/:token',
  '/xmpp-websocket',
  '*',
] as const;
export type HttpRoute = (typeof httpRoutes)[number];

/** Every error code of the public port. */
export const httpCodes = [
  ...(Object.keys(httpErrors) as (keyof typeof httpErrors)[]),
  ...(Object.keys(tokenErrors) as (keyof typeof tokenErrors)[]),
  'ERR_INTERNAL',
] as const;
export type HttpCode = (typeof httpCodes)[number];

/** Every error code of HTTP/2: what is refused without an answer. */
export const http2Codes = Object.keys(http2Errors) as readonly (keyof typeof http2Errors)[];
export type Http2Code = keyof typeof http2Errors;

/** First digits of a status (RFC 9110 §15). */
export const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** How a download ended. Anything but `complete` closes both connections, so that the reader cannot take a part for
 *  the whole. */
export const mediaEnds = ['complete', 'reader-left', 'source-broke', 'too-large', 'stalled'] as const;
export type MediaEnd = (typeof mediaEnds)[number];

/** Why a connection had no request: a limit, a missing or forged PROXY header, or TLS, with the words of
 *  `HandshakeReason` in transport/server-tls.ts. */
export const connectionRefusals = [
  'limit',
  'address-limit',
  'proxy-header',
  'proxy-authentication',
  'timeout',
  'not-tls',
  'version',
  'cipher',
  'alpn',
  'alert',
  'closed',
  'other',
] as const;
export type ConnectionRefusal = (typeof connectionRefusals)[number];
