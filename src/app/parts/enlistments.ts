/** Enlistment as the configuration wants it: one exchange for each gatekeeper that takes enlistments. */
import type { Config } from '../../config/schema.ts';
import {
  createEnlistments,
  type EnlistmentGatekeeper,
  type Enlistments,
} from '../../http/enlistment/enlistments.ts';
import { createExchange } from '../../http/calls/exchange.ts';
import type { HttpLimits } from '../../http/limits.ts';
import { OutboundCredentials } from '../../transport/outbound-credentials.ts';
import type { ProviderParts } from './provider.ts';
import { kept, type Closable, type HttpOptions } from '../part.ts';

export async function openEnlistments(
  { gatekeepers }: Config,
  { ownership }: ProviderParts,
  { observer, certificateReport, policy, signals }: HttpOptions,
  limits: HttpLimits,
  open: Closable[],
): Promise<Enlistments | undefined> {
  const parties = new Map<string, EnlistmentGatekeeper>();
  for (const { name, enlistment, caFile, clientCertFile, clientKeyFile } of gatekeepers) {
    if (enlistment === undefined) continue;
    const authorities = enlistment.caFile ?? caFile;
    const credentials = kept(
      open,
      await OutboundCredentials.open({
        name,
        ...(authorities !== undefined && { caFile: authorities }),
        ...(clientCertFile !== undefined &&
          clientKeyFile !== undefined && { client: { certFile: clientCertFile, keyFile: clientKeyFile } }),
        report: certificateReport,
      }),
    );
    const { exchange } = kept(open, createExchange({ secureContext: () => credentials.context() }));
    parties.set(name, {
      url: new URL(enlistment.url),
      exchange,
      answerMembers: enlistment.answerMembers,
    });
  }
  if (parties.size === 0) return undefined;
  return createEnlistments({
    gatekeepers: parties,
    ownership,
    attest: async (gatekeeper, client, upstream) => signals.attest(gatekeeper, client, upstream),
    policy,
    report: observer.report,
    now: () => Date.now(),
    limits,
  });
}
