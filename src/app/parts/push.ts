/** The push relay as the configuration wants it. */
import type { Config } from '../../config/schema.ts';
import type { HttpContext } from '../../http/env.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import type { HttpLimits } from '../../http/limits.ts';
import type { CallerRules } from '../../http/push/caller.ts';
import { createPush } from '../../http/push/relay.ts';
import { remoteKeys } from '../../http/tokens/verification-keys.ts';
import { Reloading } from '../../transport/reloading.ts';
import { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import type { ProviderParts } from './provider.ts';
import { below, closeAll, refreshAll, monotonic, type Closable, type HttpOptions } from '../part.ts';
import { openPins, peerCertificate, type Pins } from '../files/pinned-certificates.ts';

export interface PushPart {
  readonly handle: (context: HttpContext) => Promise<Response>;
  refresh(): Promise<void>;
  close(): void;
}

/** A gatekeeper's token is for one call made now. */
const callerLifetimeMaxS = 300;
const callerClockToleranceS = 5;

/** @throws SetupError */
export async function openPush(
  config: Config,
  provider: ProviderParts | undefined,
  { observer, certificateReport: report, policy }: HttpOptions,
  limits: HttpLimits,
): Promise<PushPart | undefined> {
  const endpoint = config.provider?.push;
  const callers = config.gatekeepers.filter(({ push }) => push !== undefined);
  if (endpoint === undefined || provider === undefined || callers.length === 0) return undefined;
  const open: Closable[] = [];
  try {
    const gatekeepers = new Map<string, CallerRules>();
    for (const { name, push } of callers) {
      const { issuer, jwksUri, algorithms, caFile, certFile } = push!;
      let pins: Pins | undefined;
      if (certFile !== undefined) open.push((pins = await openPins(`push of ${name}`, certFile, report)));
      if (issuer === undefined || jwksUri === undefined) {
        gatekeepers.set(name, { ...(pins && { isPinned: pins.has }) });
        continue;
      }
      const credentials = await OutboundCredentials.open({
        name,
        ...(caFile !== undefined && { caFile }),
        report,
      });
      open.push(credentials);
      const keySource = createExchange({ secureContext: () => credentials.context() });
      open.push(keySource);
      gatekeepers.set(name, {
        ...(pins && { isPinned: pins.has }),
        token: {
          issuer,
          audiences: [below(config.http!.publicUrl, `push/${name}`).href],
          algorithms,
          types: ['jwt', undefined],
          keys: remoteKeys({ url: new URL(jwksUri), exchange: keySource.exchange, limits, now: monotonic }),
          lifetimeMaxS: callerLifetimeMaxS,
          clockToleranceS: callerClockToleranceS,
          limits,
          now: () => Date.now(),
        },
      });
    }
    const toProvider = createExchange({
      secureContext: () => provider.credentials.context(),
      connectionsMax: limits.pushConcurrentMax,
    });
    open.push(toProvider);
    const bearer = endpoint.bearerTokenFile && (await openBearer(endpoint.bearerTokenFile, report));
    if (bearer) open.push(bearer);
    const handle = createPush({
      gatekeepers,
      peerCertificate,
      policy,
      url: new URL(endpoint.url),
      exchange: toProvider.exchange,
      ...(bearer && { authorization: async () => bearer.current }),
      report: observer.report,
      now: monotonic,
      limits,
    });
    return { handle, refresh: () => refreshAll(open), close: () => closeAll(open) };
  } catch (error) {
    closeAll(open);
    throw error;
  }
}

function openBearer(path: string, report: HttpOptions['certificateReport']): Promise<Reloading<string>> {
  return Reloading.open({
    name: 'provider.push.bearerTokenFile',
    files: [{ role: 'secret', path }],
    report,
    build: ([text = ''], refuse) => {
      const token = text.trim();
      // RFC 6750 §2.1
      if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) refuse(0);
      return `Bearer ${token}`;
    },
  });
}
