/** The media relay in front of a media server on the loopback. */
import { createSecureContext } from 'node:tls';
import { defaultHttpLimits, type HttpLimits } from '../../../src/http/limits.ts';
import { createMediaRelay, type MediaSource } from '../../../src/http/media/relay.ts';
import { createMediaTokens, referenceAudience, type MediaTokens } from '../../../src/http/media/token.ts';
import { createSsrfGuard, type SsrfOptions } from '../../../src/http/media/ssrf.ts';
import { transparent } from './policy.ts';
import { serve, type Served } from './serve.ts';
import type { Report } from '../../../src/http/events.ts';
import type { MediaEnd } from '../../../src/observability/http-words.ts';

export interface MediaRelayUnderTest extends Served {
  readonly tokens: MediaTokens;
  /** How downloads ended, in the order in which they did. */
  readonly ends: MediaEnd[];
  /** Returns where a URL is to be had through the relay, for the gatekeeper or for clients. */
  through(url: URL | string, audience?: string): URL;
}

/** What names a file in a path of the relay: an address sealed in a message, or a reference of the provider. */
export type MediaName = 'address' | 'reference';

export async function serveMedia(
  origins: readonly string[],
  {
    limits = {},
    guard = {},
    gatekeepers = [],
    ca,
    names = 'address',
  }: {
    readonly limits?: Partial<HttpLimits>;
    readonly guard?: Partial<SsrfOptions>;
    /** Storages of gatekeepers, for clients. */
    readonly gatekeepers?: readonly MediaSource[];
    readonly ca?: string;
    /** What `through` makes. */
    readonly names?: MediaName;
  } = {},
): Promise<MediaRelayUnderTest> {
  const all = { ...defaultHttpLimits, ...limits };
  const tokens = createMediaTokens({
    secrets: [Buffer.alloc(32, 7)],
    lifetimeMs: 60_000,
    now: () => Date.now(),
  });
  const ends: MediaEnd[] = [];
  const report: Report = (event) => {
    if (event.event === 'media-ended') ends.push(event.end);
  };
  const media = createMediaRelay({
    tokens: () => tokens,
    sources: {
      provider: {
        guard: createSsrfGuard({ origins, allowAddresses: ['127.0.0.1'], ...guard }),
        ...(ca !== undefined && { secureContext: () => createSecureContext({ ca }) }),
      },
      gatekeepers,
    },
    gatekeepersOf: () => ['gatekeeper.example'],
    policy: transparent,
    report,
    limits: all,
  });
  const issue = (): Promise<Response> => Promise.reject(new Error('not asked for'));
  const served = await serve({ media, references: { issue, path: '/media/references' }, report }, all);
  return {
    ...served,
    tokens,
    ends,
    through: (url, audience = 'gatekeeper.example') =>
      names === 'address'
        ? new URL(`/media/${tokens.seal(String(url), audience)}`, served.url)
        : new URL(`/media/references/${tokens.seal(String(url), referenceAudience(audience))}`, served.url),
    close: async () => {
      await served.close();
      media.close();
    },
  };
}
