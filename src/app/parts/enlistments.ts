/** Enlistment: one exchange with the API of each gatekeeper that takes enlistments. */
import { accountKey } from '../../chat/account-key.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import { createEnlistments, type Enlistments } from '../../http/enlistment/enlistments.ts';
import type { EnlistmentGatekeeper, FormGatekeeper } from '../../http/enlistment/gatekeeper.ts';
import { openAccountSecrets } from '../files/account-secrets.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { openCredentials } from './credentials.ts';
import type { HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

type ProviderSection = NonNullable<Config['provider']>;

export interface EnlistmentPart extends Part {
  readonly enlistments: Enlistments;
}

/** Opens the service; undefined when no gatekeeper has a section `enlistment`.
 *  @throws SetupError when a file does not load */
export async function openEnlistments(
  gatekeepers: readonly GatekeeperConfig[],
  section: ProviderSection,
  { ownership }: Provider,
  plane: HttpPlane,
): Promise<EnlistmentPart | undefined> {
  const { observer, policy, limits, signals, regions, state, clock } = plane;
  if (gatekeepers.every(({ enlistment }) => enlistment === undefined)) return undefined;
  return assemble(async (parts) => {
    const parties = new Map<string, EnlistmentGatekeeper>();
    for (const gatekeeper of gatekeepers)
      if (gatekeeper.enlistment !== undefined)
        parties.set(gatekeeper.name, await openGatekeeper(gatekeeper, section, plane, parts));
    const enlistments = createEnlistments({
      gatekeepers: parties,
      ownership,
      attest: async (...connection) => signals.attest(...connection),
      regionOf: (client) => regions?.of(signals.addressOf(client)),
      policy,
      report: observer.report,
      now: clock.wall,
      limits,
      state,
    });
    return { enlistments };
  });
}

async function openGatekeeper(
  gatekeeper: GatekeeperConfig,
  section: ProviderSection,
  { files }: HttpPlane,
  parts: Parts,
): Promise<EnlistmentGatekeeper> {
  const { name, enlistment, ...connection } = gatekeeper;
  const { url, regions, answerMembers, caFile = connection.caFile } = enlistment!;
  const credentials = parts.track(await openCredentials(name, { ...connection, caFile }, files));
  const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
  const api = { url: new URL(url), exchange, regions };
  if (gatekeeper.protocol === 'xmpp') return { ...api, protocol: 'xmpp', answerMembers };
  return { ...api, ...(await openForm(gatekeeper, section, files, parts)) };
}

/** Opens what the published form has of the proxy's own: the account's key, and the version. */
async function openForm(
  { name: gatekeeper, enlistment, chat }: GatekeeperConfig,
  { issuer }: ProviderSection,
  files: HttpPlane['files'],
  parts: Parts,
): Promise<Pick<FormGatekeeper, 'protocol' | 'authkey' | 'version' | 'integrator'>> {
  const { accountSecretFiles, appVersion, ...section } = chat!;
  const integrator = String(section.integrator);
  const secrets = parts.track(await openAccountSecrets(gatekeeper, accountSecretFiles, files));
  return {
    protocol: 'chat-channel',
    authkey: (subject) =>
      accountKey(secrets.current[0], { gatekeeper, integrator, issuer, subject: subject.reveal() }).publicKey,
    version: { field: enlistment?.versionField ?? 'version', value: appVersion.join('.') },
    integrator,
  };
}
