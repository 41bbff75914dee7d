/** The push relay: its callers, and the destination of notifications. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import type { HttpContext } from '../../http/env.ts';
import type { CallerRules } from '../../http/push/caller.ts';
import { Delivery } from '../../http/push/delivery.ts';
import { createPublishedPush, type PublishedCallerRules } from '../../http/push/published.ts';
import { createPush } from '../../http/push/relay.ts';
import type { SignedTokenRules } from '../../http/tokens/signed-token.ts';
import { remoteKeys } from '../../http/tokens/verification-keys.ts';
import { Reloading } from '../../transport/reloading.ts';
import { openKeySet } from '../files/key-set.ts';
import { openPins, peerCertificate } from '../files/pinned-certificates.ts';
import type { FilesReport } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openCredentials } from './credentials.ts';
import { joinUrl, type HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

type PushEndpoint = NonNullable<NonNullable<Config['provider']>['push']>;
type PushCaller = NonNullable<GatekeeperConfig['push']>;

/** Longest lifetime of a gatekeeper's token in seconds: it is made for one call. */
const callerLifetimeMaxS = 300;
/** Lifetime of the published sample token, in milliseconds. */
const publishedLifetimeMs = 3_600_000;
const callerClockToleranceS = 5;

export interface PushPart extends Part {
  /** Takes the notifications of gatekeepers with `protocol: xmpp`; undefined without any. */
  readonly push: ((context: HttpContext) => Promise<Response>) | undefined;
  /** Takes those of gatekeepers with the chat channel. */
  readonly publishedPush: ((context: HttpContext) => Promise<Response>) | undefined;
}

/** Opens the relay; undefined when no gatekeeper has a section `push`.
 *  @throws SetupError when a file does not load */
export async function openPush(
  endpoint: PushEndpoint,
  gatekeepers: readonly GatekeeperConfig[],
  provider: Provider,
  plane: HttpPlane,
): Promise<PushPart | undefined> {
  if (gatekeepers.every(({ push }) => push === undefined)) return undefined;
  const { policy, limits, state, clock } = plane;
  return assemble(async (parts) => {
    const own = new Map<string, CallerRules>();
    const published = new Map<string, PublishedCallerRules>();
    for (const { name, protocol, push } of gatekeepers) {
      if (push === undefined) continue;
      if (protocol === 'xmpp') own.set(name, await openCaller(name, push, plane, parts));
      else published.set(name, await openPublishedCaller(name, push, plane, parts));
    }
    const delivery = await openDelivery(endpoint, provider, plane, parts);
    const shared = { peerCertificate, policy, limits, delivery };
    return {
      push: own.size === 0 ? undefined : createPush({ ...shared, gatekeepers: own }),
      publishedPush:
        published.size === 0
          ? undefined
          : createPublishedPush({ ...shared, gatekeepers: published, state, now: clock.wall }),
    };
  });
}

async function openDelivery(
  { url, bearerTokenFile }: PushEndpoint,
  provider: Provider,
  { observer, limits, state, clock, files }: HttpPlane,
  parts: Parts,
): Promise<Delivery> {
  const { exchange } = parts.track(
    createExchange({
      secureContext: () => provider.credentials.context(),
      connectionsMax: limits.pushConcurrentMax,
    }),
  );
  const bearer =
    bearerTokenFile === undefined ? undefined : parts.track(await openBearer(bearerTokenFile, files));
  return new Delivery({
    url: new URL(url),
    exchange,
    ...(bearer && { authorization: async () => bearer.current }),
    report: observer.report,
    now: clock.monotonic,
    limits,
    state,
  });
}

/** Opens the rules by which the calls of one gatekeeper are authenticated: certificate, token, or both. */
async function openCaller(
  name: string,
  push: PushCaller,
  plane: HttpPlane,
  parts: Parts,
): Promise<CallerRules> {
  const { issuer, algorithms = ['ES256', 'EdDSA'] } = push;
  const pinned = await openPinned(name, push, plane, parts);
  if (issuer === undefined) return pinned;
  return {
    ...pinned,
    token: {
      ...(await openTokenRules(name, push, plane, parts)),
      issuer,
      audiences: [joinUrl(plane.publicUrl, `push/${name}`).href],
      algorithms,
      needsSubject: true,
      lifetimeMaxS: callerLifetimeMaxS,
    },
  };
}

/** Opens the rules for a gatekeeper with the chat channel: a token as published, and a certificate where one is
 *  configured. */
async function openPublishedCaller(
  name: string,
  push: PushCaller,
  plane: HttpPlane,
  parts: Parts,
): Promise<PublishedCallerRules> {
  const { issuer, audience = plane.publicUrl, lifetimeMs = publishedLifetimeMs, tokenUse } = push;
  return {
    ...(await openPinned(name, push, plane, parts)),
    singleUse: tokenUse !== 'many',
    token: {
      ...(await openTokenRules(name, push, plane, parts)),
      issuer: issuer!,
      audiences: [audience],
      algorithms: ['RS256'],
      needsSubject: false,
      lifetimeMaxS: lifetimeMs / 1000,
    },
  };
}

async function openPinned(
  name: string,
  { certFile }: PushCaller,
  { files, clock }: HttpPlane,
  parts: Parts,
): Promise<Pick<CallerRules, 'isPinned'>> {
  if (certFile === undefined) return {};
  const pins = parts.track(await openPins({ use: 'push', name }, certFile, { files, clock }));
  return { isPinned: pins.has };
}

/** Opens the rules that the tokens of all gatekeepers have, and the keys. */
async function openTokenRules(
  name: string,
  push: PushCaller,
  { limits, clock, files }: HttpPlane,
  parts: Parts,
): Promise<Pick<SignedTokenRules, 'types' | 'keys' | 'clockToleranceS' | 'limits' | 'now'>> {
  const rules = {
    types: ['jwt', undefined],
    clockToleranceS: callerClockToleranceS,
    limits,
    now: clock.wall,
  };
  const { jwksUri, jwksFile, caFile } = push;
  if (jwksFile !== undefined) {
    const held = parts.track(await openKeySet(`push keys of ${name}`, jwksFile, { files, limits }));
    return { ...rules, keys: { find: (kid) => held.current.find(kid) } };
  }
  const credentials = parts.track(await openCredentials(name, { caFile }, files));
  const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
  return {
    ...rules,
    keys: remoteKeys({ url: new URL(jwksUri!), exchange, limits, now: clock.monotonic }),
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
