/** `state`: where replicas keep what they must have alike. */
import { z } from 'zod';
import { isBindAddress, isLoopback } from '../address.ts';
import { bound, file, milliseconds, rotatedSecretFiles } from '../values.ts';

const storeUrl = z
  .string()
  .max(2_048)
  .refine(
    isStoreUrl,
    'a rediss or redis URL without user, password, query or fragment, such as rediss://valkey.example:6379/0; the password ' +
      'is in `passwordFile`',
  );

function isStoreUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol) || !isBindAddress(hostOf(url))) return false;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return false;
  return /^(?:\/\d{0,3})?$/.test(url.pathname);
}

/** Returns the host without the brackets of an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Returns the password that a file holds: one line, without its end; undefined for another text. */
export function passwordOf(text: string): string | undefined {
  return /^([^\r\n\0]{1,512})\r?\n?$/.exec(text)?.[1];
}

/** The server that a URL names. */
export interface StoreAddress {
  readonly isEncrypted: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: number;
  /** Whether it is on this machine. */
  readonly isLocal: boolean;
}

/** Reads a URL that the schema has accepted. */
export function storeAddress(text: string): StoreAddress {
  const url = new URL(text);
  const { protocol, port, pathname } = url;
  const host = hostOf(url);
  return {
    isEncrypted: protocol === 'rediss:',
    host,
    port: port === '' ? 6_379 : Number(port),
    database: Number(pathname.slice(1)),
    isLocal: isLoopback(host),
  };
}

const redis = z
  .strictObject({
    url: storeUrl.describe(
      'Where the server is: `rediss:` with TLS, `redis:` in clear text. The port is 6379 by default; the path is the index ' +
        'of a database.',
    ),
    clearText: z
      .boolean()
      .default(false)
      .describe(
        'Whether `redis:` may be used to a server that is not on this machine, for a network that encrypts by itself.',
      ),
    caFile: file
      .optional()
      .describe('Certificate authorities in PEM form to trust there instead of the public ones.'),
    clientCertFile: file
      .optional()
      .describe('Certificate in PEM form by which the proxy shows who it is (mutual TLS).'),
    clientKeyFile: file.optional().describe('Private key of `clientCertFile`.'),
    username: z
      .string()
      .regex(/^[\x21-\x7e]{1,128}$/, 'printable characters without spaces, at most 128')
      .optional()
      .describe('User of its access control list; without it the default user.'),
    passwordFile: file
      .optional()
      .describe(
        'The password of the user, one line of text. Read again when it changes, for later connections.',
      ),
    keyPrefix: z
      .string()
      .regex(/^[A-Za-z0-9:_.-]{0,64}$/, 'letters, digits and `:_.-`, at most 64')
      .default('narthex:')
      .describe('Text before the name of each record, to which the user can be restricted.'),
    timeoutMs: milliseconds(250, 10, 'For one operation; then it counts as not answered.', 10_000),
    connectTimeoutMs: milliseconds(2_000, 100, 'To connect, with TLS and authentication.', 60_000),
    operationsMax: bound(1_000, 10, 100_000, 'Operations that wait for the server at once; others fail.'),
  })
  .describe('A server of Redis 6 or newer, or Valkey.');

export const state = z
  .strictObject({
    keyFiles: rotatedSecretFiles.describe(
      'Secrets that names and values of records are hidden with, 32 bytes at least each (openssl rand 32), the same at every ' +
        'replica. The first one writes; a second one reads too, while one replaces the other. Read again when they change.',
    ),
    onStoreLost: z
      .enum(['refuse', 'continue'])
      .default('refuse')
      .describe(
        '`refuse`: while the store does not answer, enlistments, withdrawals and notifications are refused with ' +
          'ERR_STATE_UNAVAILABLE, since it is unknown whether they came before; `continue`: they are served, each replica ' +
          'by itself. Streams go on in either case.',
      ),
    redis,
  })
  .describe(
    'State that all replicas share: which nonces, enlistments and notifications there were, and the counts of streams, so that ' +
      'a stream can be resumed at another replica. Without it each process keeps its own.',
  );
