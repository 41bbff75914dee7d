/** An embedded provider: issues ownership tokens, accepts push notifications, stores media. Everything that it receives
 *  is reported, so that tests and the demo see what an intermediary forwards.
 *
 *      provider/   tokens and push; media-store.ts is next to it
 *      http/       the port and the requests
 *      token/      tokens and keys, signed and verified */
import type { CertificatePair } from './certificates.ts';
import { answer, type HttpAnswer, type HttpExchange } from './http/message.ts';
import { serveHttps, type IncomingRequest } from './http/server.ts';
import type { PartyUser } from './http/user.ts';
import { createMediaStore } from './media-store.ts';
import { createPushEndpoint, type PushEndpoint } from './provider/push-endpoint.ts';
import { withReference, type ReferenceSource } from './provider/storage-references.ts';
import { createTokenEndpoint } from './provider/token-endpoint.ts';
import { createTokenIssuer, type TokenIssuer } from './token/issuer.ts';

export interface ProviderOptions {
  /** `iss` of its tokens. */
  readonly issuer: string;
  readonly users: readonly PartyUser[];
  readonly certificate: CertificatePair;
  /** An address of this machine. */
  readonly host: string;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

export interface Provider {
  /** `https://host:port`, without a slash at the end. */
  readonly url: string;
  readonly issuer: TokenIssuer;
  readonly push: Pick<PushEndpoint, 'register' | 'failNext'>;
  /** Asks for a reference at each upload from now on, and returns it to the client (`storage_reference`). */
  refer(source: ReferenceSource): void;
  close(): Promise<void>;
}

/** Bytes of one upload. */
const uploadBytesMax = 16 * 1024 * 1024;

/** Starts the provider.
 *  @throws SimulatorError `ERR_SIMULATOR_CONNECT` */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { users, certificate, host, onExchange } = options;
  const issuer = await createTokenIssuer(options.issuer);
  const media = createMediaStore({ users, url: () => server.url });
  const push = createPushEndpoint();
  const tokens = createTokenEndpoint({ issuer, users, url: () => server.url });
  let references: ReferenceSource | undefined;

  async function store(request: IncomingRequest): Promise<HttpAnswer | undefined> {
    const stored = media(request);
    return stored === undefined || references === undefined ? stored : withReference(stored, references);
  }

  const server = await serveHttps({
    certificate,
    host,
    bodyBytesMax: uploadBytesMax,
    handle: async (request) =>
      (await tokens(request)) ?? push.handle(request) ?? (await store(request)) ?? answer(404),
    ...(onExchange === undefined ? {} : { onExchange }),
  });
  return {
    url: server.url,
    issuer,
    push,
    refer: (source) => void (references = source),
    close: () => server.close(),
  };
}
