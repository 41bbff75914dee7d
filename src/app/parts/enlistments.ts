/** Enlistment: one exchange with the API of each gatekeeper that takes enlistments. */
import type { GatekeeperConfig } from '../../config/schema.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import {
  createEnlistments,
  type EnlistmentGatekeeper,
  type Enlistments,
} from '../../http/enlistment/enlistments.ts';
import { assemble, type Part } from '../part.ts';
import { openCredentials } from './credentials.ts';
import type { HttpPlane } from './http-plane.ts';
import type { Provider } from './provider.ts';

export interface EnlistmentPart extends Part {
  readonly enlistments: Enlistments;
}

/** Opens the service; undefined when no gatekeeper has a section `enlistment`.
 *  @throws SetupError when a file does not load */
export async function openEnlistments(
  gatekeepers: readonly GatekeeperConfig[],
  { ownership }: Provider,
  { observer, policy, limits, signals, regions, state, clock, files }: HttpPlane,
): Promise<EnlistmentPart | undefined> {
  if (gatekeepers.every(({ enlistment }) => enlistment === undefined)) return undefined;
  return assemble(async (parts) => {
    const parties = new Map<string, EnlistmentGatekeeper>();
    for (const { name, enlistment, ...connection } of gatekeepers) {
      if (enlistment === undefined) continue;
      const caFile = enlistment.caFile ?? connection.caFile;
      const credentials = parts.track(await openCredentials(name, { ...connection, caFile }, files));
      const { exchange } = parts.track(createExchange({ secureContext: () => credentials.context() }));
      const { url, answerMembers, regions: wanted } = enlistment;
      parties.set(name, { url: new URL(url), exchange, answerMembers, regions: wanted });
    }
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
