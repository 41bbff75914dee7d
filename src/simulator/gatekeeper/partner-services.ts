/** The services by which a gatekeeper interoperates, in addition to its messaging server: the enlistment API,
 *  regular fetching of the provider's keys, verification of tokens at each connection, push notifications, and the
 *  media proxy of its own clients. */
import type { KeySource } from '../../signals/jwks.ts';
import { createVerifier } from '../../signals/verify.ts';
import type { CertificatePair } from '../certificates.ts';
import { SimulatorError } from '../error.ts';
import { answer, type HttpExchange } from '../http/message.ts';
import type { Caller } from '../http/request.ts';
import { serveHttps } from '../http/server.ts';
import type { PartyUser } from '../http/user.ts';
import { parseJid } from '../jid.ts';
import { createMediaStore } from '../media-store.ts';
import type { BearerRules } from '../sasl/oauthbearer.ts';
import { createTokenIssuer } from '../token/issuer.ts';
import { createOwnershipCheck, type OwnershipCheck, type TokenCheck } from '../token/ownership-check.ts';
import { followPublishedKeys, type PublishedKeys } from '../token/published-keys.ts';
import { EnlistedUsers } from './enlisted-users.ts';
import { createEnlistmentApi, type EnlistmentRecord } from './enlistment-api.ts';
import { createMediaProxy } from './media-proxy.ts';
import { createPushSender, type PushNotification, type PushOutcome, type PushSender } from './push-sender.ts';

/** The service of an exchange: one of its own port, or a call that it made. */
export type PartnerExchange = 'enlistment' | 'media-proxy' | 'storage' | 'keys' | 'push' | 'media-download';

/** A token was presented at a connection. */
export interface TokenRecord {
  readonly check: TokenCheck;
  /** Whether its user has enlisted; false where the token was refused. */
  readonly enlisted: boolean;
}

export interface PartnerServicesOptions {
  /** The gatekeeper's name in tokens, in attestations and in its calls. */
  readonly name: string;
  /** Issuer of ownership tokens and of attestations. */
  readonly provider: string;
  readonly intermediary: string;
  /** Users of the gatekeeper's own app, who store media with it. */
  readonly users: readonly PartyUser[];
  /** Returns whether a bare JID may enlist. */
  readonly known: (subject: string) => boolean;
  readonly certificate: CertificatePair;
  /** An address of this machine. */
  readonly host: string;
  /** Authorities and certificate for its calls. */
  readonly caller: Caller;
  /** Milliseconds between two fetches of the provider's keys. Default: 60,000. */
  readonly keysEveryMs?: number;
  readonly onExchange?: (through: PartnerExchange, exchange: HttpExchange) => void;
  readonly onEnlistment?: (record: EnlistmentRecord) => void;
  readonly onToken?: (record: TokenRecord) => void;
}

/** Addresses of the intermediary, once it runs. */
export interface IntermediaryAddress {
  /** Its public HTTPS port, without a slash at the end. */
  readonly url: string;
  /** Its address for this gatekeeper's notifications. */
  readonly pushUrl: string;
  /** Base address of files by reference, and the number of the integrator that they are of. */
  readonly references?: { readonly base: string; readonly integrator: number };
}

export interface PartnerServices {
  /** `https://host:port`, without a slash at the end. */
  readonly url: string;
  /** Rules for tokens at the messaging server. */
  readonly bearer: BearerRules;
  readonly attestationKeys: KeySource;
  /** Fetches the keys for the first time. */
  attach(intermediary: IntermediaryAddress): Promise<void>;
  push(notification: PushNotification): Promise<PushOutcome>;
  close(): Promise<void>;
}

/** Bytes of one upload. */
const uploadBytesMax = 16 * 1024 * 1024;

/** Starts the services.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` */
export async function startPartnerServices(options: PartnerServicesOptions): Promise<PartnerServices> {
  const { name, known, caller, onExchange, onEnlistment } = options;
  const through = (which: PartnerExchange) => (exchange: HttpExchange) => onExchange?.(which, exchange);
  const enlisted = new EnlistedUsers();
  const issuer = await createTokenIssuer(name);
  const mediaOrigins: string[] = [];
  let attached: Attachment | undefined;
  const attachment = () => {
    if (attached !== undefined) return attached;
    throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'the options do not say where the intermediary is');
  };

  const tokens: PublishedKeys['tokens'] = ((...asked) =>
    attachment().keys.tokens(...asked)) as PublishedKeys['tokens'];
  const ownership = createOwnershipCheck({ keys: { tokens }, issuer: options.provider, audience: name });
  const attestationKeys: KeySource = { find: async (kid) => attachment().keys.attestationKey(kid) };
  const enlistment = createEnlistmentApi({
    users: enlisted,
    ownership,
    attestations: createVerifier({ keys: attestationKeys, issuer: options.intermediary, audience: name }),
    known,
    onRequest: (record) => onEnlistment?.(record),
  });
  const storage = createMediaStore({ users: options.users, url: () => server.url });
  const mediaProxy = createMediaProxy({
    caller,
    origins: mediaOrigins,
    baseOf: (integrator) => baseOf(attached?.references, integrator),
    onExchange: through('media-download'),
  });

  const server = await serveHttps({
    certificate: options.certificate,
    host: options.host,
    bodyBytesMax: uploadBytesMax,
    handle: async (request) => {
      if (request.method === 'GET' && request.target === '/.well-known/jwks.json')
        return answer(200, issuer.jwks());
      return (await enlistment(request)) ?? (await mediaProxy(request)) ?? storage(request) ?? answer(404);
    },
    onExchange(exchange) {
      const service = serviceOf(exchange.request.target);
      if (service !== undefined) onExchange?.(service, exchange);
    },
  });

  return {
    url: server.url,
    attestationKeys,
    bearer: bearerRules(options, ownership, enlisted),
    async attach({ url, pushUrl, references }) {
      const keys = followPublishedKeys({
        url,
        issuer: options.provider,
        caller,
        everyMs: options.keysEveryMs ?? 60_000,
        onExchange: through('keys'),
      });
      const sender = createPushSender({ url: pushUrl, issuer, caller, onExchange: through('push') });
      mediaOrigins.push(url);
      attached = { keys, sender, references };
      await keys.fetch();
    },
    push: (notification) => attachment().sender.push(notification),
    async close() {
      attached?.keys.close();
      await server.close();
    },
  };
}

/** What is known of the intermediary since it runs. */
interface Attachment {
  readonly keys: PublishedKeys;
  readonly sender: PushSender;
  readonly references: IntermediaryAddress['references'];
}

function baseOf(references: IntermediaryAddress['references'], integrator: number): string | undefined {
  return references?.integrator === integrator ? references.base : undefined;
}

/** Returns the service of a request to the gatekeeper's own port; undefined for its documents. */
function serviceOf(target: string): PartnerExchange | undefined {
  if (target.startsWith('/enlistments')) return 'enlistment';
  if (target.startsWith('/media-proxy')) return 'media-proxy';
  return target.startsWith('/store-') ? 'storage' : undefined;
}

/** Returns the rules for tokens at the messaging server: genuine, and of an enlisted user. */
function bearerRules(
  { provider, onToken }: PartnerServicesOptions,
  ownership: OwnershipCheck,
  enlisted: EnlistedUsers,
): BearerRules {
  return {
    openidConfiguration: `${provider}/.well-known/openid-configuration`,
    async verify(token) {
      const check = await ownership.check(token);
      const isEnlisted = check.kind === 'valid' && enlisted.has(check.subject);
      onToken?.({ check, enlisted: isEnlisted });
      if (check.kind === 'refused') return { kind: 'refused', because: 'invalid' };
      if (!isEnlisted) return { kind: 'refused', because: 'not-enlisted' };
      return { kind: 'accepted', username: parseJid(check.subject)?.local ?? '' };
    },
  };
}
