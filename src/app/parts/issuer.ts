/** The issuer's metadata: the provider's own, with the proxy's keys in its key set. */
import type { Config } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import { createIssuerMetadata, type IssuerMetadata } from '../../http/issuer/metadata.ts';
import { assemble, type Part } from '../part.ts';
import { joinUrl, type HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

export interface IssuerPart extends Part {
  readonly issuer: IssuerMetadata;
}

export function openIssuer(
  { issuer, configurationUri }: NonNullable<Config['provider']>,
  { keys, credentials }: Provider,
  { publicUrl, attestationKeys, limits, clock }: HttpPlane,
): Promise<IssuerPart> {
  return assemble((parts) => {
    const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
    return {
      issuer: createIssuerMetadata({
        issuer,
        configurationUrl:
          configurationUri === undefined
            ? joinUrl(issuer, '.well-known/openid-configuration')
            : new URL(configurationUri),
        publicJwksUrl: joinUrl(publicUrl, '.well-known/jwks.json'),
        providerKeys: keys,
        attestationKeys,
        exchange,
        now: clock.monotonic,
        limits,
      }),
    };
  });
}
