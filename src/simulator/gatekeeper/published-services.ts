/** The HTTP services of a gatekeeper with the chat channel, in the published shapes: enlistment by form, fetching of the
 *  provider's keys at the published path, push with its own keys published, and the media proxy of its clients, which
 *  fetches files by reference. */
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
import { createMediaProxy } from './media-proxy.ts';
import {
  createPublishedEnlistment,
  enlistmentPath,
  type PublishedEnlistmentOptions,
} from './published-enlistment.ts';
import { createPublishedPushSender, type PublishedPushSender } from './published-push-sender.ts';
import type { PushOutcome } from './push-sender.ts';

/** The service of an exchange: one of its own port, or a call that it made. */
export type PublishedExchange = 'enlistment' | 'keys' | 'push' | 'media-proxy' | 'media-download';

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

/** Base address of an integrator's files, without a slash at the end, and its number. */
export interface References {
  readonly base: string;
  readonly integrator: number;
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
   *  @param references where its files are fetched by reference
   *  @throws SimulatorError when they cannot be fetched; later rounds try again */
  attach(base: string, audience?: string, references?: References): Promise<void>;
  /** Fetches the keys now. */
  fetchKeys(): Promise<void>;
  push(to: string): Promise<PushOutcome>;
  close(): Promise<void>;
}

/** Returns the service of a request to the gatekeeper's own port; undefined for its documents. */
function serviceOf(target: string): PublishedExchange | undefined {
  if (target === enlistmentPath) return 'enlistment';
  return target.startsWith('/media-proxy') ? 'media-proxy' : undefined;
}

/** Fetches files by reference only.
 *  @param references returns where an integrator's files are */
function openMediaProxy(
  { caller, onExchange }: PublishedServicesOptions,
  references: () => References | undefined,
) {
  return createMediaProxy({
    caller,
    origins: [],
    baseOf(integrator) {
      const known = references();
      return known?.integrator === integrator ? known.base : undefined;
    },
    onExchange: (exchange) => onExchange?.('media-download', exchange),
  });
}

const keysPath = '/.well-known/oauth/openid/jwks';
const pushKeysPath = '/.well-known/jwks';

/** Starts the services.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` */
export async function startPublishedServices(options: PublishedServicesOptions): Promise<PublishedServices> {
  const { name, provider, intermediary, caller, onExchange } = options;
  const through = (which: PublishedExchange) => (exchange: HttpExchange) => onExchange?.(which, exchange);
  const issuer = await createTokenIssuer(options.pushIssuer, { algorithm: 'RS256' });
  let references: References | undefined;
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
  const mediaProxy = openMediaProxy(options, () => references);
  const server = await serveHttps({
    certificate: options.certificate,
    host: options.host,
    ...(options.port !== undefined && { port: options.port }),
    handle: async (request) => {
      if (request.method === 'GET' && request.target === pushKeysPath) return answer(200, issuer.jwks());
      return (await enlistment(request)) ?? (await mediaProxy(request)) ?? answer(404);
    },
    onExchange(exchange) {
      const service = serviceOf(exchange.request.target);
      if (service !== undefined) onExchange?.(service, exchange);
    },
  });
  return {
    url: server.url,
    enlistmentUrl: `${server.url}${enlistmentPath}`,
    jwksUrl: `${server.url}${pushKeysPath}`,
    issuer,
    ownership,
    attestationKeys,
    async attach(base, audience = base, files) {
      references = files;
      const everyMs = options.keysEveryMs ?? 60_000;
      const at = { url: base, issuer: provider, caller };
      const keys = followPublishedKeys({ ...at, keysPath, everyMs, onExchange: through('keys') });
      const pushing = { url: base, audience, issuer, caller, onExchange: through('push') };
      const sender = createPublishedPushSender(pushing);
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
