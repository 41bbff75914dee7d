/** The issuer's metadata as the configuration wants them: the provider's own, with our keys beside its. */
import type { Config } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import { createIssuerMetadata } from '../../http/issuer/metadata.ts';
import type { HttpLimits } from '../../http/limits.ts';
import type { PublicParts } from '../../http/public.ts';
import type { ProviderParts } from './provider.ts';
import { below, kept, monotonic, type Closable, type HttpOptions } from '../part.ts';

export function openIssuer(
  { provider, http }: Config,
  { keys, credentials }: ProviderParts,
  { attestationKeys }: HttpOptions,
  limits: HttpLimits,
  open: Closable[],
): PublicParts['issuer'] {
  const { issuer, configurationUri } = provider!;
  const { exchange } = kept(open, createExchange({ secureContext: () => credentials.context() }));
  return createIssuerMetadata({
    issuer,
    configurationUrl: new URL(
      configurationUri ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    ),
    publicJwksUrl: below(http!.publicUrl, '.well-known/jwks.json'),
    providerKeys: keys,
    attestationKeys,
    exchange,
    now: monotonic,
    limits,
  });
}
