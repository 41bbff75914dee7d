/** The closed words that reports about the HTTP plane use: routes as patterns, never paths, and how requests ended. */
import { httpErrors } from '../errors/http.ts';
import { tokenErrors } from '../errors/token.ts';

/** Every route of the public port; `*` for what has none. */
export const httpRoutes = [
  '/.well-known/openid-configuration',
  '/.well-known/jwks.json',
  '/.well-known/host-meta',
  '/.well-known/host-meta.json',
  '/enlistments',
  '/enlistments/:id',
  '/push/:gatekeeper',
  '/media/:token',
  '*',
] as const;
export type HttpRoute = (typeof httpRoutes)[number];

/** Every code that the public port answers with. */
export const httpCodes = [
  ...(Object.keys(httpErrors) as (keyof typeof httpErrors)[]),
  ...(Object.keys(tokenErrors) as (keyof typeof tokenErrors)[]),
  'ERR_INTERNAL',
] as const;
export type HttpCode = (typeof httpCodes)[number];

/** First digits of a status (RFC 9110 §15). */
export const statusClasses = ['2xx', '3xx', '4xx', '5xx'] as const;

/** How a download ended; anything but `complete` cut both connections, so that the reader cannot take a part for the
 *  whole. */
export const mediaEnds = ['complete', 'reader-left', 'source-broke', 'too-large', 'stalled'] as const;
export type MediaEnd = (typeof mediaEnds)[number];

/** Why a connection came to no request: one of our limits, no PROXY header where one is due, or TLS, whose words are
 *  those of `HandshakeReason` in transport/server-tls.ts. */
export const connectionRefusals = [
  'limit',
  'address-limit',
  'proxy-header',
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
