/** References to stored files: the provider's credentials, and where gatekeepers fetch. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { isInboundBearer } from '../../config/sections/provider.ts';
import { bearerDigest, type ProviderRules } from '../../http/media/provider-caller.ts';
import { createReferences } from '../../http/media/references.ts';
import { createSsrfGuard } from '../../http/media/ssrf.ts';
import type { References } from '../../http/public.ts';
import { Reloading } from '../../transport/reloading.ts';
import { openPins, peerCertificate } from '../files/pinned-certificates.ts';
import type { FilesReport } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { joinUrl, type HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

type MediaSection = NonNullable<NonNullable<Config['provider']>['media']>;
type ReferencesSection = NonNullable<MediaSection['references']>;

/** Opens the route; undefined when the section is absent.
 *  @throws SetupError when a file does not load */
export async function openReferences(
  { references: section, hosts, allowAddresses }: MediaSection,
  gatekeepers: readonly GatekeeperConfig[],
  { mediaTokens }: Provider,
  plane: HttpPlane,
): Promise<(References & Part) | undefined> {
  if (section === undefined) return undefined;
  const { publicUrl, limits, clock } = plane;
  const { path, lifetimeMs } = section;
  return assemble(async (parts) => {
    const issue = createReferences({
      tokens: mediaTokens!,
      guard: createSsrfGuard({ origins: hosts, allowAddresses }),
      gatekeepers: new Set(gatekeepers.filter(({ media }) => media !== undefined).map(({ name }) => name)),
      caller: await openCaller(section, plane, parts),
      base: joinUrl(publicUrl, `${path.slice(1)}/`).href,
      lifetimeMs,
      limits,
      now: clock.monotonic,
    });
    return { issue, path };
  });
}

async function openCaller(
  { certFile, bearerTokenFiles }: ReferencesSection,
  plane: HttpPlane,
  parts: Parts,
): Promise<ProviderRules> {
  const pins =
    certFile === undefined
      ? undefined
      : parts.track(await openPins({ use: 'references', name: 'provider' }, certFile, plane));
  const bearers =
    bearerTokenFiles === undefined
      ? undefined
      : parts.track(await openBearers(bearerTokenFiles, plane.files));
  return {
    peerCertificate,
    ...(pins && { isPinned: pins.has }),
    ...(bearers && { bearers: () => bearers.current }),
  };
}

function openBearers(paths: readonly string[], report: FilesReport): Promise<Reloading<readonly Buffer[]>> {
  return Reloading.open({
    name: 'provider.media.references.bearerTokenFiles',
    files: paths.map((path) => ({ role: 'secret', path })),
    report,
    build: (texts, refuse) =>
      texts.map((text, index) => (isInboundBearer(text) ? bearerDigest(text.trim()) : refuse(index))),
  });
}
