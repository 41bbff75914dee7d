/** Media addresses in messages: below the public base URL, sealed with the tokens that the media relay opens. */
import type { Config } from '../../config/schema.ts';
import { clientsAudience, type MediaTokens } from '../../http/media/token.ts';
import { MediaAddresses, type AddressView } from '../../minimisation/media-address.ts';
import { joinUrl } from './http-plane.ts';

/** Makes the addresses; undefined where no media are served. */
export function createMediaAddresses(
  { provider, http, gatekeepers }: Config,
  tokens: (() => MediaTokens) | undefined,
): MediaAddresses | undefined {
  const media = provider?.media;
  if (media === undefined || http === undefined || tokens === undefined) return undefined;
  return new MediaAddresses({
    base: joinUrl(http.publicUrl, 'media/').href,
    provider: media.hosts,
    gatekeepers: new Map(gatekeepers.map((gatekeeper) => [gatekeeper.name, gatekeeper.media?.hosts ?? []])),
    seal: {
      seal: (url, view, { context, periodMs = media.tokenLifetimeMs }) =>
        tokens().seal(url, audienceOf(view), { context, periodMs }),
      unseal: (token, view) => tokens().reveal(token, audienceOf(view)),
    },
  });
}

function audienceOf({ audience, gatekeeper }: AddressView): string {
  return audience === 'gatekeeper' ? gatekeeper : clientsAudience;
}
