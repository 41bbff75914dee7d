/** The values of `narthex.yaml`: names, addresses, files, timeouts and bounds, each with its form. */
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isBindAddress, isDomainName, parseHostPort } from './address.ts';

const dayMs = 86_400_000;

/** A name. Short and plain, because it appears in logs and as a metric label. */
export const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, at most 63');

export const port = z.int().min(0).max(65_535);

export const bindHost = z
  .string()
  .refine(isBindAddress, 'an IPv4 or IPv6 address (without brackets) or a host name');

export const hostPort = z.string().superRefine((text, context) => {
  const parsed = parseHostPort(text);
  if (parsed.kind === 'malformed')
    context.addIssue({
      code: 'custom',
      message: `host:port, such as xmpp.example:5222 or [2001:db8::1]:5222; this ${parsed.why}`,
    });
});

export const domain = z
  .string()
  .refine(
    (text) => text === text.normalize('NFC').toLowerCase() && isDomainName(domainToASCII(text)),
    'a domain name in lower case, without a trailing dot, such as chat.example',
  );

/** A path; relative ones are resolved from the folder of the configuration file. Its key ends in `File`, `Files` or
 *  `Folder`, by which `load.ts` finds it. */
export const file = z
  .string()
  .min(1)
  .max(4_096)
  .refine((path) => !path.includes('-----BEGIN '), 'the path of a file, not its text');

/** Certificates that the other side is known by: pinned, so that no authority can make another. */
export const pinned = file.describe(
  'The client certificates it is known by, in PEM form; several while one is renewed. Read again when they change.',
);

/** The secret of one use, or two while one replaces the other. */
export const rotatedSecretFiles = z.array(file).min(1).max(2);

/** Returns the schema of a duration in milliseconds. */
export function milliseconds(byDefault: number, minimum: number, description: string, maximum = dayMs) {
  return z
    .int()
    .min(minimum)
    .max(maximum)
    .default(byDefault)
    .describe(`${description} Milliseconds, ${minimum} to ${maximum}.`);
}

/** Returns the schema of a number of things. */
export function bound(byDefault: number, minimum: number, maximum: number, description: string) {
  return z
    .int()
    .min(minimum)
    .max(maximum)
    .default(byDefault)
    .describe(`${description} ${minimum} to ${maximum}.`);
}

/** A certificate with its key, shown to clients. */
export const certificate = z
  .strictObject({
    certFile: file.describe('Certificate in PEM form, intermediates after it.'),
    keyFile: file.describe('Its private key in PEM form, without a passphrase.'),
    domains: z
      .array(domain)
      .min(1)
      .max(1_000)
      .optional()
      .describe('Domains to present it for; by default those that the certificate itself names.'),
  })
  .describe('A certificate shown to clients. Files are read again when they change.');

/** The address of another party's HTTP service; in clear text only inside this machine. */
export const serviceUrl = z
  .string()
  .max(2_048)
  .refine(isServiceUrl, 'an https URL without user, query or fragment (http only to a loopback address)');

function isServiceUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.search === '' && url.hash === '' && isSecure(url);
}

function isSecure({ protocol, hostname }: URL): boolean {
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && loopback);
}

/** The address of a WebSocket. */
export const webSocketUrl = z
  .string()
  .max(2_048)
  .refine(isWebSocketUrl, 'a wss URL without user, query or fragment');

function isWebSocketUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'wss:' && url.search === '' && url.hash === '';
}

/** An origin such as `https://media.example`, or `https://*.media.example` for its subdomains. */
export const origin = z
  .string()
  .max(300)
  .refine(isOrigin, 'an origin such as https://media.example or https://*.media.example, without a path');

function isOrigin(text: string): boolean {
  const concrete = text.replace('://*.', '://wildcard.');
  const url = URL.parse(concrete);
  return url !== null && !concrete.includes('*') && isSecure(url) && url.origin === concrete;
}
