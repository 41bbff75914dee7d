/** The media relay in front of a media server on the loopback. */
import { createSecureContext } from 'node:tls';
import { defaultHttpLimits, type HttpLimits } from '../../../src/http/limits.ts';
import { createMediaRelay } from '../../../src/http/media.ts';
import { createMediaTokens, type MediaTokens } from '../../../src/http/media-token.ts';
import { createSsrfGuard, type SsrfOptions } from '../../../src/http/ssrf.ts';
import { transparent } from './policy.ts';
import { serve, type Served } from './serve.ts';
import type { Report } from '../../../src/http/events.ts';
import type { MediaEnd } from '../../../src/observability/http-words.ts';

export interface MediaRelayUnderTest extends Served {
  readonly tokens: MediaTokens;
  /** How downloads ended, in the order in which they did. */
  readonly ends: MediaEnd[];
  /** Where a URL is to be had through the relay. */
  through(url: URL | string): URL;
}

export async function serveMedia(
  origins: readonly string[],
  {
    limits = {},
    guard = {},
    ca,
  }: {
    readonly limits?: Partial<HttpLimits>;
    readonly guard?: Partial<SsrfOptions>;
    readonly ca?: string;
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
      gatekeepers: { guard: createSsrfGuard({ origins: [] }) },
    },
    audiencesOf: () => ['gatekeeper.example'],
    policy: transparent,
    report,
    limits: all,
  });
  const served = await serve({ media, report }, all);
  return {
    ...served,
    tokens,
    ends,
    through: (url) => new URL(`/media/${tokens.seal(String(url), 'gatekeeper.example')}`, served.url),
    close: async () => {
      await served.close();
      media.close();
    },
  };
}
