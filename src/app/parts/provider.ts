/** The provider as the configuration describes it, built once and used by more than one part: whose tokens count, and
 *  how its media addresses are sealed. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import { createMediaTokens, type MediaTokens } from '../../http/media/token.ts';
import { createOwnershipVerifier, type OwnershipVerifier } from '../../http/tokens/ownership-proof.ts';
import { remoteKeys, type RemoteKeys } from '../../http/tokens/verification-keys.ts';
import { Reloading, type ReloadReport } from '../../transport/reloading.ts';
import { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import {
  closeAll,
  refreshAll,
  limitsOf,
  monotonic,
  type Closable,
  type HttpObserver,
  type HttpOptions,
} from '../part.ts';

export interface ProviderParts {
  readonly ownership: OwnershipVerifier;
  /** Seals and opens media addresses; absent without `provider.media`. */
  readonly mediaTokens: (() => MediaTokens) | undefined;
  readonly keys: RemoteKeys;
  readonly credentials: OutboundCredentials;
  refresh(): Promise<void>;
  close(): void;
}

/** What is known of the provider: its keys, and the secrets for its media.
 *  @throws SetupError when a file does not load. */
export async function openProvider(
  config: Config,
  { observer, certificateReport: report }: Pick<HttpOptions, 'observer' | 'certificateReport'>,
): Promise<ProviderParts | undefined> {
  const { provider } = config;
  if (provider === undefined) return undefined;
  const open: Closable[] = [];
  const limits = limitsOf(config);
  const credentials = await OutboundCredentials.open({
    name: 'provider',
    ...(provider.caFile !== undefined && { caFile: provider.caFile }),
    ...(provider.clientCertFile !== undefined &&
      provider.clientKeyFile !== undefined && {
        client: { certFile: provider.clientCertFile, keyFile: provider.clientKeyFile },
      }),
    report,
  });
  open.push(credentials);
  try {
    const { exchange, close } = createExchange({ secureContext: () => credentials.context() });
    open.push({ close });
    const keys = remoteKeys({ url: new URL(provider.jwksUri), exchange, limits, now: monotonic });
    const ownership = createOwnershipVerifier({
      issuer: provider.issuer,
      audiences: provider.audiences,
      algorithms: provider.algorithms,
      types: ['jwt', undefined],
      keys,
      lifetimeMaxS: provider.lifetimeMs / 1000,
      clockToleranceS: provider.clockToleranceMs / 1000,
      limits,
      now: () => Date.now(),
      claimsAllowed: provider.claims.allowed,
      claimsUnlisted: provider.claims.unlisted,
      nonceRequired: provider.nonce === 'required',
    });
    const tokens = provider.media && (await openMediaTokens(provider.media, observer, report));
    if (tokens !== undefined) open.push(tokens);
    return {
      ownership,
      mediaTokens: tokens && (() => tokens.current),
      keys,
      credentials,
      refresh: () => refreshAll(open),
      close: () => closeAll(open),
    };
  } catch (error) {
    closeAll(open);
    throw error;
  }
}

type MediaSection = NonNullable<NonNullable<Config['provider']>['media']>;

async function openMediaTokens(
  { keyFiles, tokenLifetimeMs: lifetimeMs }: MediaSection,
  observer: HttpObserver,
  report: (report: ReloadReport) => void,
): Promise<{ readonly current: MediaTokens } & Closable> {
  const build = (secrets: readonly Uint8Array[]): MediaTokens => {
    const [first, ...rest] = secrets;
    return createMediaTokens({ secrets: [first!, ...rest], lifetimeMs, now: () => Date.now() });
  };
  if (keyFiles.length === 0) {
    observer.ephemeralMediaKey();
    return { current: build([randomBytes(32)]), close: () => {} };
  }
  return Reloading.open({
    name: 'media keys',
    files: keyFiles.map((path) => ({ role: 'secret', path })),
    encoding: 'latin1',
    report,
    build: (texts, refuse) => {
      texts.forEach((text, index) => text.length < 32 && refuse(index));
      return build(texts.map((text) => Buffer.from(text, 'latin1')));
    },
  });
}
