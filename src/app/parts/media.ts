/** The media relay as the configuration wants it. */
import type { Config } from '../../config/schema.ts';
import { addressList, type AddressList } from '../../http/address-list.ts';
import type { HttpContext } from '../../http/env.ts';
import type { HttpLimits } from '../../http/limits.ts';
import { clientsAudience } from '../../http/media/token.ts';
import { createMediaRelay, type MediaRelay, type MediaSource } from '../../http/media/relay.ts';
import { createSsrfGuard } from '../../http/media/ssrf.ts';
import { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import type { ProviderParts } from './provider.ts';
import { closeAll, refreshAll, type Closable, type HttpOptions } from '../part.ts';
import { openPins, peerCertificate, type Pins } from '../files/pinned-certificates.ts';

/** How the media proxy of one gatekeeper is recognised. */
interface MediaCaller {
  readonly name: string;
  readonly pins: Pins | undefined;
  readonly addresses: AddressList | undefined;
}

/** @throws SetupError */
export async function openMedia(
  config: Config,
  provider: ProviderParts | undefined,
  { observer, certificateReport, policy, signals }: HttpOptions,
  limits: HttpLimits,
): Promise<(MediaRelay & Closable) | undefined> {
  const media = config.provider?.media;
  const tokens = provider?.mediaTokens;
  if (media === undefined || tokens === undefined) return undefined;
  const callers: MediaCaller[] = [];
  const gatekeepers: MediaSource[] = [];
  const storages: OutboundCredentials[] = [];
  const closeFiles = (): void => closeAll([...storages, ...callers.flatMap(({ pins }) => pins ?? [])]);
  try {
    for (const { name, media: section } of config.gatekeepers) {
      if (section === undefined) continue;
      const { certFile, addresses, hosts, caFile, allowAddresses } = section;
      callers.push({
        name,
        pins:
          certFile === undefined
            ? undefined
            : await openPins(`media of ${name}`, certFile, certificateReport),
        addresses: addresses === undefined ? undefined : addressList(addresses),
      });
      const guard = createSsrfGuard({ origins: hosts, allowAddresses });
      if (caFile === undefined) gatekeepers.push({ guard });
      else {
        const storage = await OutboundCredentials.open({ name, caFile, report: certificateReport });
        storages.push(storage);
        gatekeepers.push({ guard, secureContext: () => storage.context() });
      }
    }
  } catch (error) {
    closeFiles();
    throw error;
  }
  const relay = createMediaRelay({
    tokens,
    sources: {
      provider: {
        guard: createSsrfGuard({ origins: media.hosts, allowAddresses: media.allowAddresses }),
        secureContext: () => provider!.credentials.context(),
      },
      gatekeepers,
    },
    audiencesOf: (context) => [
      ...callers.filter((caller) => isCaller(context, signals, caller)).map(({ name }) => name),
      clientsAudience,
    ],
    policy,
    report: observer.report,
    limits,
  });
  return {
    handle: relay.handle,
    async refresh() {
      await refreshAll([...storages, ...callers.flatMap(({ pins }) => pins ?? [])]);
    },
    close() {
      relay.close();
      closeFiles();
    },
  };
}

function isCaller(
  context: HttpContext,
  signals: HttpOptions['signals'],
  { pins, addresses }: MediaCaller,
): boolean {
  if (pins !== undefined) {
    const certificate = peerCertificate(context);
    if (certificate === undefined || !pins.has(certificate)) return false;
  }
  if (addresses === undefined) return true;
  return addresses.has(signals.addressOf(context.env.incoming.socket) ?? '');
}
