/** `provider`: the messaging provider whose clients use the proxy: its tokens, which prove who a user is, its push
 *  server, and its media. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { file, milliseconds, origin, pinned, rotatedSecretFiles, serviceUrl } from '../values.ts';

/** Signature algorithms of tokens: asymmetric only (RFC 8725 §3.1). */
export const algorithmList = z.array(z.enum(['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'])).min(1);

const algorithms = algorithmList.default(['ES256', 'EdDSA']);

const addressRange = z
  .string()
  .refine(isAddressRange, 'an address range such as 10.1.0.0/16 or 2001:db8::/32');

function isAddressRange(text: string): boolean {
  const [, network = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(network);
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Address ranges in CIDR form. */
export const addressRanges = z.array(addressRange).max(100);

const claims = z
  .strictObject({
    allowed: z
      .array(z.string().min(1).max(128))
      .max(100)
      .default([])
      .describe(
        'Claims that a token may have in addition to iss, sub, aud, exp, iat, nbf, nonce and jti. The token is signed, so the ' +
          'proxy cannot take any out of it. Capability profiles can be chosen by those that are a text, a number, true ' +
          'or false.',
      ),
    unlisted: z
      .enum(['flag', 'refuse'])
      .default('flag')
      .describe('`flag`: a token with other claims passes and is counted; `refuse`: it does not pass.'),
  })
  .prefault({})
  .describe('What may stand in an ownership token.');

const push = z
  .strictObject({
    url: serviceUrl.describe('Where the provider takes notifications, as POST with a JSON object.'),
    bearerTokenFile: file
      .optional()
      .describe('A token to send as `Authorization: Bearer`; the file is read again when it changes.'),
  })
  .describe('The push endpoint of the provider.');

/** First segments of the paths that the public port has for itself. */
export const reservedSegments = ['.well-known', 'enlistments', 'media', 'push', 'xmpp-websocket'] as const;

/** The default path of references: below that of media, and no token. */
const referencesPath = '/media/references';

function isReferencesPath(text: string): boolean {
  if (text === referencesPath) return true;
  const segments = text.split('/').slice(1);
  const isReserved = reservedSegments.some((reserved) => reserved === segments[0]);
  const isPlain = segments.every((segment) => /^[\w~-][\w.~-]*$/.test(segment));
  return /^\/./.test(text) && isPlain && !isReserved;
}

/** Returns whether the text of a file is a bearer token (RFC 6750 §2.1) that is too long to be guessed. */
export function isInboundBearer(text: string): boolean {
  const token = text.trim();
  return token.length >= 32 && /^[\w.~+/-]+=*$/.test(token);
}

const references = z
  .strictObject({
    certFile: pinned.optional(),
    bearerTokenFiles: rotatedSecretFiles
      .optional()
      .describe(
        'The token that it sends as `Authorization: Bearer`, of 32 characters at least (openssl rand -hex 32); two while ' +
          'one replaces the other. Read again when they change.',
      ),
    path: z
      .string()
      .max(256)
      .default(referencesPath)
      .refine(
        isReferencesPath,
        `a path such as /files, without a slash at its end, whose first part is not ${reservedSegments.join(', ')}; ` +
          `or ${referencesPath}`,
      )
      .describe('Path of the public port below which gatekeepers fetch by reference.'),
    lifetimeMs: milliseconds(
      35 * 86_400_000,
      60_000,
      'How long a reference can be used: longer than a gatekeeper keeps messages for absent receivers.',
      365 * 86_400_000,
    ),
  })
  .describe(
    'References to stored files, which the provider asks for at each upload and its client writes inside the encrypted ' +
      'message (`POST /media/references`). The provider is known by a pinned certificate, by a bearer token, or by both ' +
      'where both are set.',
  );

const media = z
  .strictObject({
    hosts: z
      .array(origin)
      .min(1)
      .max(100)
      .describe('Origins from which media may be fetched; nothing else is ever asked.'),
    allowAddresses: addressRanges
      .default([])
      .describe('Address ranges that are not public, and allowed all the same: a media server nearby.'),
    keyFiles: z
      .array(file)
      .max(16)
      .default([])
      .describe(
        'Secrets that media addresses are sealed with, 32 bytes at least each (openssl rand 32). The first one seals, ' +
          'the others open until they are taken away. Replicas need the same. Without any, a secret is generated at the ' +
          'start, and sealed addresses do not outlive the process.',
      ),
    tokenLifetimeMs: milliseconds(
      7 * 86_400_000,
      60_000,
      'How long a sealed address can be used.',
      365 * 86_400_000,
    ),
    references: references.optional(),
  })
  .describe('The media servers of the provider.');

export const provider = z
  .strictObject({
    issuer: serviceUrl.describe('`iss` of the tokens it signs (OpenID Connect Core §2), compared as it is.'),
    jwksUri: serviceUrl.describe('Where its public keys are (RFC 7517).'),
    configurationUri: serviceUrl
      .optional()
      .describe('Its issuer metadata; by default `issuer` with /.well-known/openid-configuration.'),
    audiences: z
      .array(z.string().min(1).max(1_024))
      .min(1)
      .max(100)
      .describe('Every value of `aud` must be one of these: what the gatekeepers are called in the tokens.'),
    caFile: file
      .optional()
      .describe('Certificate authorities in PEM form to trust for its servers instead of the public ones.'),
    clientCertFile: file
      .optional()
      .describe('Certificate in PEM form by which the proxy shows its servers who it is (mutual TLS).'),
    clientKeyFile: file.optional().describe('Private key of `clientCertFile`.'),
    algorithms: algorithms.describe('Signature algorithms of ownership tokens.'),
    nonce: z
      .enum(['required', 'optional'])
      .default('required')
      .describe('Whether a token must have a nonce, which ties it to one request.'),
    claims,
    lifetimeMs: milliseconds(600_000, 1_000, 'The most that may lie between `iat` and `exp`.'),
    clockToleranceMs: milliseconds(5_000, 0, 'How far its clock may be from ours.', 300_000),
    push: push.optional(),
    media: media.optional(),
  })
  .describe('The messaging provider: its ownership tokens, its push endpoint, its media servers.');
