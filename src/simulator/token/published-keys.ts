/** The keys of another party, found by its issuer metadata (OpenID Connect Discovery §4) and fetched again and again,
 *  as a gatekeeper fetches those of a provider. While a fetch fails the keys known so far keep counting. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, type JWK } from 'jose';
import { SimulatorError } from '../error.ts';
import { jsonBody, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';

export interface PublishedKeysOptions {
  /** Where `/.well-known/openid-configuration` is asked for, without a slash at its end. */
  readonly url: string;
  /** What the document must say of itself: it may be served by an intermediary, its issuer stays the provider. */
  readonly issuer: string;
  readonly caller: Caller;
  /** Between two fetches, in milliseconds. */
  readonly everyMs: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

export interface PublishedKeys {
  /** Keys with `use: sig`: they verify the issuer's tokens. */
  readonly tokens: ReturnType<typeof createLocalJWKSet>;
  /** A key with `use: attestation`, the intermediary's own (Ed25519). */
  attestationKey(kid: string): KeyObject | undefined;
  /** Fetches now.
   *  @throws SimulatorError when it fails; the keys known so far stay. */
  fetch(): Promise<void>;
  /** How often the keys were fetched with success. */
  readonly fetches: number;
  close(): void;
}

const keysMax = 32;

/** Starts fetching; the first fetch is the caller's to await. */
export function followPublishedKeys(options: PublishedKeysOptions): PublishedKeys {
  let keys: readonly JWK[] = [];
  let fetches = 0;
  let tokens = keySet(keys);
  const fetch = async (): Promise<void> => {
    keys = await fetchKeys(options);
    tokens = keySet(keys);
    fetches += 1;
  };
  // What was known still verifies; the next round may do better.
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

async function fetchKeys({ url, issuer, caller, onExchange }: PublishedKeysOptions): Promise<readonly JWK[]> {
  const get = async (from: string) => {
    const exchange = await send(
      { method: 'GET', url: from, headers: [['Accept', 'application/json']] },
      caller,
    );
    onExchange?.(exchange);
    return exchange.answer.status === 200 ? jsonBody(exchange.answer) : undefined;
  };
  const metadata = await get(`${url}/.well-known/openid-configuration`);
  if (metadata?.['issuer'] !== issuer || typeof metadata['jwks_uri'] !== 'string') throw unusable();
  const keys = (await get(metadata['jwks_uri']))?.['keys'];
  if (!Array.isArray(keys) || keys.length > keysMax) throw unusable();
  return keys as JWK[];
}

function unusable(): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_STREAM', 'the issuer publishes no usable metadata or keys');
}
