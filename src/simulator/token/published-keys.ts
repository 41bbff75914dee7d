/** The keys of another party, found by its issuer metadata (OpenID Connect Discovery §4), and fetched regularly, as
 *  a gatekeeper fetches those of a provider. While a fetch fails, the earlier keys stay. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, type JWK } from 'jose';
import { SimulatorError } from '../error.ts';
import { jsonBody, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';

export interface PublishedKeysOptions {
  /** Address below which `/.well-known/openid-configuration` is, without a slash at the end. */
  readonly url: string;
  /** Path of the keys below `url`, for a gatekeeper that does not read the metadata. */
  readonly keysPath?: string;
  /** Required issuer in the document: an intermediary may serve it, its issuer stays the provider. */
  readonly issuer: string;
  readonly caller: Caller;
  /** Milliseconds between two fetches. */
  readonly everyMs: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

export interface PublishedKeys {
  /** Keys with `use: sig`: they verify the issuer's tokens. */
  readonly tokens: ReturnType<typeof createLocalJWKSet>;
  /** Returns a key with `use: attestation`, the intermediary's own (Ed25519); undefined for an unknown id. */
  attestationKey(kid: string): KeyObject | undefined;
  /** Fetches now.
   *  @throws SimulatorError when it fails; the earlier keys stay */
  fetch(): Promise<void>;
  /** Number of successful fetches. */
  readonly fetches: number;
  close(): void;
}

const keysMax = 32;

/** Starts regular fetching. The caller awaits the first fetch itself. */
export function followPublishedKeys(options: PublishedKeysOptions): PublishedKeys {
  let keys: readonly JWK[] = [];
  let fetches = 0;
  let tokens = keySet(keys);
  const fetch = async (): Promise<void> => {
    keys = await fetchKeys(options);
    tokens = keySet(keys);
    fetches += 1;
  };
  // Earlier keys still verify; the next round tries again.
  const timer = setInterval(() => void fetch().catch(() => {}), options.everyMs).unref();
  return {
    tokens: ((...asked) => tokens(...asked)) as PublishedKeys['tokens'],
    attestationKey(kid) {
      const jwk = keys.find((one) => one.use === 'attestation' && one.kid === kid);
      return jwk === undefined ? undefined : createPublicKey({ key: { ...jwk }, format: 'jwk' });
    },
    fetch,
    get fetches() {
      return fetches;
    },
    close: () => clearInterval(timer),
  };
}

function keySet(keys: readonly JWK[]): PublishedKeys['tokens'] {
  return createLocalJWKSet({ keys: keys.filter(({ use }) => use === 'sig') });
}

async function fetchKeys({
  url,
  keysPath,
  issuer,
  caller,
  onExchange,
}: PublishedKeysOptions): Promise<readonly JWK[]> {
  const get = async (from: string) => {
    const exchange = await send(
      { method: 'GET', url: from, headers: [['Accept', 'application/json']] },
      caller,
    );
    onExchange?.(exchange);
    return exchange.answer.status === 200 ? jsonBody(exchange.answer) : undefined;
  };
  const keys = (await get(keysPath === undefined ? await keysUrl(get, url, issuer) : `${url}${keysPath}`))?.[
    'keys'
  ];
  if (!Array.isArray(keys) || keys.length > keysMax) throw unusable();
  return keys as JWK[];
}

/** Returns the address of the keys that the metadata names.
 *  @throws SimulatorError */
async function keysUrl(
  get: (from: string) => Promise<Readonly<Record<string, unknown>> | undefined>,
  url: string,
  issuer: string,
): Promise<string> {
  const metadata = await get(`${url}/.well-known/openid-configuration`);
  if (metadata?.['issuer'] !== issuer || typeof metadata['jwks_uri'] !== 'string') throw unusable();
  return metadata['jwks_uri'];
}

function unusable(): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_STREAM', 'the issuer publishes no usable metadata or keys');
}
