/** The provider, opened once for several parts: its keys, the verifier of its users' tokens, and the secrets that
 *  seal its media addresses. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import type { HttpLimits } from '../../http/limits.ts';
import { createMediaTokens, type MediaTokens } from '../../http/media/token.ts';
import { createOwnershipVerifier, type OwnershipVerifier } from '../../http/tokens/ownership-proof.ts';
import { remoteKeys, type RemoteKeys } from '../../http/tokens/verification-keys.ts';
import type { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import { Reloading } from '../../transport/reloading.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport, HttpObserver } from '../observer.ts';
import { assemble, type Part } from '../part.ts';
import { openCredentials } from './credentials.ts';

type ProviderSection = NonNullable<Config['provider']>;

export interface Provider extends Part {
  readonly ownership: OwnershipVerifier;
  /** Seals and opens media addresses; undefined without `provider.media`. */
  readonly mediaTokens: (() => MediaTokens) | undefined;
  readonly keys: RemoteKeys;
  readonly credentials: OutboundCredentials;
}

export interface ProviderOptions {
  readonly limits: HttpLimits;
  readonly observer: HttpObserver;
  readonly files: FilesReport;
  readonly clock: Clock;
}

/** Opens the provider.
 *  @throws SetupError when a file does not load */
export function openProvider(section: ProviderSection, options: ProviderOptions): Promise<Provider> {
  const { limits, files, clock } = options;
  return assemble(async (parts) => {
    const credentials = parts.track(await openCredentials('provider', section, files, 'provider'));
    const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
    const keys = remoteKeys({ url: new URL(section.jwksUri), exchange, limits, now: clock.monotonic });
    const tokens = section.media && parts.track(await openMediaTokens(section.media, options));
    return {
      ownership: ownershipVerifier(section, keys, options),
      mediaTokens: tokens && (() => tokens.current),
      keys,
      credentials,
    };
  });
}

function ownershipVerifier(
  section: ProviderSection,
  keys: RemoteKeys,
  { limits, clock }: ProviderOptions,
): OwnershipVerifier {
  return createOwnershipVerifier({
    issuer: section.issuer,
    audiences: section.audiences,
    algorithms: section.algorithms,
    types: ['jwt', undefined],
    keys,
    lifetimeMaxS: section.lifetimeMs / 1000,
    clockToleranceS: section.clockToleranceMs / 1000,
    limits,
    now: clock.wall,
    claimsAllowed: section.claims.allowed,
    claimsUnlisted: section.claims.unlisted,
    nonceRequired: section.nonce === 'required',
  });
}

async function openMediaTokens(
  { keyFiles, tokenLifetimeMs: lifetimeMs }: NonNullable<ProviderSection['media']>,
  { observer, files, clock }: ProviderOptions,
): Promise<{ readonly current: MediaTokens } & Part> {
  const build = (secrets: readonly Uint8Array[]): MediaTokens => {
    const [first, ...rest] = secrets;
    return createMediaTokens({ secrets: [first!, ...rest], lifetimeMs, now: clock.wall });
  };
  if (keyFiles.length === 0) {
    observer.ephemeralMediaKey();
    return { current: build([randomBytes(32)]), close: () => {} };
  }
  return Reloading.open({
    name: 'media keys',
    files: keyFiles.map((path) => ({ role: 'secret', path })),
    encoding: 'latin1',
    report: files,
    build: (texts, refuse) => {
      texts.forEach((text, index) => text.length < 32 && refuse(index));
      return build(texts.map((text) => Buffer.from(text, 'latin1')));
    },
  });
}
