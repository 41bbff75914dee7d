/** The push relay: its callers, and the destination of notifications. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import type { HttpContext } from '../../http/env.ts';
import type { CallerRules } from '../../http/push/caller.ts';
import { createPush } from '../../http/push/relay.ts';
import { remoteKeys } from '../../http/tokens/verification-keys.ts';
import { Reloading } from '../../transport/reloading.ts';
import { openPins, peerCertificate } from '../files/pinned-certificates.ts';
import type { FilesReport } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openCredentials } from './credentials.ts';
import { joinUrl, type HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

type PushEndpoint = NonNullable<NonNullable<Config['provider']>['push']>;
type PushCaller = NonNullable<GatekeeperConfig['push']>;

export interface PushPart extends Part {
  readonly handle: (context: HttpContext) => Promise<Response>;
}

/** Longest lifetime of a gatekeeper's token in seconds: it is made for one call. */
const callerLifetimeMaxS = 300;
const callerClockToleranceS = 5;

/** Opens the relay; undefined when no gatekeeper has a section `push`.
 *  @throws SetupError when a file does not load */
export async function openPush(
  endpoint: PushEndpoint,
  gatekeepers: readonly GatekeeperConfig[],
  provider: Provider,
  plane: HttpPlane,
): Promise<PushPart | undefined> {
  if (gatekeepers.every(({ push }) => push === undefined)) return undefined;
  const { observer, policy, limits, state, clock, files } = plane;
  return assemble(async (parts) => {
    const callers = new Map<string, CallerRules>();
    for (const { name, push } of gatekeepers)
      if (push !== undefined) callers.set(name, await openCaller(name, push, plane, parts));
    const { exchange } = parts.track(
      createExchange({
        secureContext: () => provider.credentials.context(),
        connectionsMax: limits.pushConcurrentMax,
      }),
    );
    const bearer =
      endpoint.bearerTokenFile === undefined
        ? undefined
        : parts.track(await openBearer(endpoint.bearerTokenFile, files));
    const handle = createPush({
      gatekeepers: callers,
      peerCertificate,
      policy,
      url: new URL(endpoint.url),
      exchange,
      ...(bearer && { authorization: async () => bearer.current }),
      report: observer.report,
      now: clock.monotonic,
      limits,
      state,
    });
    return { handle };
  });
}

/** Opens the rules by which the calls of one gatekeeper are authenticated: certificate, token, or both. */
async function openCaller(
  name: string,
  { issuer, jwksUri, algorithms, caFile, certFile }: PushCaller,
  { publicUrl, limits, clock, files }: HttpPlane,
  parts: Parts,
): Promise<CallerRules> {
  const pins =
    certFile === undefined
      ? undefined
      : parts.track(await openPins({ use: 'push', name }, certFile, { files, clock }));
  const pinned = pins === undefined ? {} : { isPinned: pins.has };
  if (issuer === undefined || jwksUri === undefined) return pinned;
  const credentials = parts.track(await openCredentials(name, { caFile }, files));
  const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
  return {
    ...pinned,
    token: {
      issuer,
      audiences: [joinUrl(publicUrl, `push/${name}`).href],
      algorithms,
      types: ['jwt', undefined],
      keys: remoteKeys({ url: new URL(jwksUri), exchange, limits, now: clock.monotonic }),
      lifetimeMaxS: callerLifetimeMaxS,
      clockToleranceS: callerClockToleranceS,
      limits,
      now: clock.wall,
    },
  };
}

function openBearer(path: string, report: FilesReport): Promise<Reloading<string>> {
  return Reloading.open({
    name: 'provider.push.bearerTokenFile',
    files: [{ role: 'secret', path }],
    report,
    build: ([text = ''], refuse) => {
      const token = text.trim();
      // Form of a bearer token: RFC 6750 §2.1.
      if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) refuse(0);
      return `Bearer ${token}`;
    },
  });
}
