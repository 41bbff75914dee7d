/** The media relay: the servers that it may ask, and the callers that it serves. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { addressList, type AddressList } from '../../http/address-list.ts';
import type { HttpContext } from '../../http/env.ts';
import { createMediaRelay, type MediaRelay, type MediaSource } from '../../http/media/relay.ts';
import { createSsrfGuard } from '../../http/media/ssrf.ts';
import { openPins, peerCertificate, type Pins } from '../files/pinned-certificates.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openCredentials } from './credentials.ts';
import type { HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

type ProviderMedia = NonNullable<NonNullable<Config['provider']>['media']>;
type GatekeeperMedia = NonNullable<GatekeeperConfig['media']>;

/** How the media proxy of one gatekeeper authenticates. */
interface MediaCaller {
  readonly name: string;
  readonly pins: Pins | undefined;
  readonly addresses: AddressList | undefined;
}

/** Opens the relay.
 *  @throws SetupError when a file does not load */
export function openMedia(
  section: ProviderMedia,
  gatekeepers: readonly GatekeeperConfig[],
  { mediaTokens, credentials }: Provider,
  plane: HttpPlane,
): Promise<MediaRelay & Part> {
  const { observer, policy, limits, signals } = plane;
  return assemble(async (parts) => {
    const callers: MediaCaller[] = [];
    const sources: MediaSource[] = [];
    for (const { name, media } of gatekeepers) {
      if (media === undefined) continue;
      callers.push(await openCaller(name, media, plane, parts));
      sources.push(await openSource(name, media, plane, parts));
    }
    const { handle, handleReference } = parts.track(
      createMediaRelay({
        tokens: mediaTokens!,
        sources: {
          provider: {
            guard: createSsrfGuard({ origins: section.hosts, allowAddresses: section.allowAddresses }),
            secureContext: () => credentials.context(),
          },
          gatekeepers: sources,
        },
        gatekeepersOf: (context) =>
          callers.filter((caller) => isCaller(context, signals, caller)).map(({ name }) => name),
        policy,
        report: observer.report,
        limits,
      }),
    );
    return { handle, handleReference };
  });
}

async function openCaller(
  name: string,
  { certFile, addresses }: GatekeeperMedia,
  plane: HttpPlane,
  parts: Parts,
): Promise<MediaCaller> {
  return {
    name,
    pins:
      certFile === undefined
        ? undefined
        : parts.track(await openPins({ use: 'media', name }, certFile, plane)),
    addresses: addresses === undefined ? undefined : addressList(addresses),
  };
}

async function openSource(
  name: string,
  { hosts, caFile, allowAddresses }: GatekeeperMedia,
  { files }: HttpPlane,
  parts: Parts,
): Promise<MediaSource> {
  const guard = createSsrfGuard({ origins: hosts, allowAddresses });
  if (caFile === undefined) return { guard };
  const storage = parts.track(await openCredentials(name, { caFile }, files));
  return { guard, secureContext: () => storage.context() };
}

function isCaller(
  context: HttpContext,
  signals: HttpPlane['signals'],
  { pins, addresses }: MediaCaller,
): boolean {
  if (pins !== undefined) {
    const certificate = peerCertificate(context);
    if (certificate === undefined || !pins.has(certificate)) return false;
  }
  if (addresses === undefined) return true;
  return addresses.has(signals.addressOf(context.env.connection) ?? '');
}
