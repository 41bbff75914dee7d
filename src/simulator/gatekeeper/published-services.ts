/** The HTTP services of a gatekeeper with the chat channel, in the published shapes: enlistment by form, fetching of the
 *  provider's keys at the published path, push with its own keys published. */
import type { KeySource } from '../../signals/jwks.ts';
import { createVerifier } from '../../signals/verify.ts';
import type { CertificatePair } from '../certificates.ts';
import { SimulatorError } from '../error.ts';
import { answer, type HttpExchange } from '../http/message.ts';
import type { Caller } from '../http/request.ts';
import { serveHttps } from '../http/server.ts';
import { createTokenIssuer, type TokenIssuer } from '../token/issuer.ts';
import { createOwnershipCheck, type OwnershipCheck } from '../token/ownership-check.ts';
import { followPublishedKeys, type PublishedKeys } from '../token/published-keys.ts';
import {
  createPublishedEnlistment,
  enlistmentPath,
  type PublishedEnlistmentOptions,
} from './published-enlistment.ts';
import { createPublishedPushSender, type PublishedPushSender } from './published-push-sender.ts';
import type { PushOutcome } from './push-sender.ts';

/** The service of an exchange: one of its own port, or a call that it made. */
export type PublishedExchange = 'enlistment' | 'keys' | 'push';

export interface PublishedServicesOptions extends Pick<
  PublishedEnlistmentOptions,
  'users' | 'known' | 'version' | 'refusal' | 'onForm'
> {
  /** This gatekeeper's name in ownership tokens and attestations. */
  readonly name: string;
  /** `iss` of its push tokens. */
  readonly pushIssuer: string;
  /** Issuer of ownership tokens. */
  readonly provider: string;
  /** Issuer of attestations; undefined where none is required for enlisting. */
  readonly intermediary?: string;
  readonly certificate: CertificatePair;
  /** An address of this machine. */
  readonly host: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Authorities and certificate for its calls. */
  readonly caller: Caller;
  /** Milliseconds between two fetches of the provider's keys. Default: 60,000. */
  readonly keysEveryMs?: number;
  readonly onExchange?: (service: PublishedExchange, exchange: HttpExchange) => void;
}

export interface PublishedServices {
  /** `https://host:port`, without a slash at the end. */
  readonly url: string;
  /** Where users are enlisted. */
  readonly enlistmentUrl: string;
  /** Where the keys of its push tokens are. */
  readonly jwksUrl: string;
  /** Signs its push tokens. */
  readonly issuer: TokenIssuer;
  /** Checks ownership tokens, for the chat server. */
  readonly ownership: OwnershipCheck;
  readonly attestationKeys: KeySource;
  /** Fetches the keys for the first time.
   *  @param base the integrator's base address, without a slash at the end
   *  @param audience `aud` of push tokens. Default: the base address
   *  @throws SimulatorError when they cannot be fetched; later rounds try again */
  attach(base: string, audience?: string): Promise<void>;
  /** Fetches the keys now. */
  fetchKeys(): Promise<void>;
  push(to: string): Promise<PushOutcome>;
  close(): Promise<void>;
}

const keysPath = '/.well-known/oauth/openid/jwks';
const pushKeysPath = '/.well-known/jwks';

/** Starts the services.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` */
export async function startPublishedServices(options: PublishedServicesOptions): Promise<PublishedServices> {
  const { name, provider, intermediary, caller, onExchange } = options;
  const through = (which: PublishedExchange) => (exchange: HttpExchange) => onExchange?.(which, exchange);
  const issuer = await createTokenIssuer(options.pushIssuer, { algorithm: 'RS256' });
  let attached: { readonly keys: PublishedKeys; readonly sender: PublishedPushSender } | undefined;
  const attachment = () => {
    if (attached !== undefined) return attached;
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'the gatekeeper was not attached to an integrator');
  };
  const tokens: PublishedKeys['tokens'] = ((...asked) =>
    attachment().keys.tokens(...asked)) as PublishedKeys['tokens'];
  const ownership = createOwnershipCheck({ keys: { tokens }, issuer: provider, audience: name });
  const attestationKeys: KeySource = { find: async (kid) => attachment().keys.attestationKey(kid) };
  const enlistment = createPublishedEnlistment({
    ...options,
    ownership,
    ...(intermediary !== undefined && {
      attestations: createVerifier({ keys: attestationKeys, issuer: intermediary, audience: name }),
    }),
  });
  const server = await serveHttps({
    certificate: options.certificate,
    host: options.host,
    ...(options.port !== undefined && { port: options.port }),
    handle: async (request) => {
      if (request.method === 'GET' && request.target === pushKeysPath) return answer(200, issuer.jwks());
      return (await enlistment(request)) ?? answer(404);
    },
    onExchange(exchange) {
      if (exchange.request.target === enlistmentPath) onExchange?.('enlistment', exchange);
    },
  });
  return {
    url: server.url,
    enlistmentUrl: `${server.url}${enlistmentPath}`,
    jwksUrl: `${server.url}${pushKeysPath}`,
    issuer,
    ownership,
    attestationKeys,
    async attach(base, audience = base) {
      const everyMs = options.keysEveryMs ?? 60_000;
      const keys = followPublishedKeys({
        url: base,
        keysPath,
        issuer: provider,
        caller,
        everyMs,
        onExchange: through('keys'),
      });
      const sender = createPublishedPushSender({
        url: base,
        audience,
        issuer,
        caller,
        onExchange: through('push'),
      });
      attached = { keys, sender };
      await keys.fetch();
    },
    fetchKeys: () => attachment().keys.fetch(),
    push: (to) => attachment().sender.push(to),
    async close() {
      attached?.keys.close();
      await server.close();
    },
  };
}
