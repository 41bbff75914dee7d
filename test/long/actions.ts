import { prosody } from '../peers/servers.ts';
import { stanzaClients } from '../peers/stanza-client.ts';
import { recognitionOf, type Recognition, type Sample } from '../recording/actions/classifier.ts';
import { observeActions } from '../recording/actions/scene.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { LongRun } from './long-run.ts';

const policies = ['passthrough', 'balanced', 'strict'];

export const longRun: LongRun = {
  name: 'actions',
  summary: 'which action was it, by sizes and gaps: recordings of @xmpp/client and slixmpp, before and after',
  unit: 'samples of each of nine actions, for each library and policy',
  count: 20,
  async run({ count, seed, progress }) {
    await using folder = await temporaryFolder();
    const server = await prosody.start({ uploads: true });
    const random = new Random(seed);
    const figures: Record<string, string> = {};
    const after = new Map<string, Recognition>();
    let done = 0;
    try {
      for (const policy of policies) {
        const samples: { before: Sample[]; after: Sample[] } = { before: [], after: [] };
        for (const kind of stanzaClients) {
          const seen = await observeActions({ server, kind, policy, folder: folder.path, count, random });
          samples.before.push(...seen.samples.before);
          samples.after.push(...seen.samples.after);
          progress((done += count / (policies.length * stanzaClients.length)));
        }
        const views = { before: recognitionOf(samples.before), after: recognitionOf(samples.after) };
        after.set(policy, views.after);
        for (const [view, recognition] of Object.entries(views))
          figures[`${policy}, ${view}`] = describe(recognition);
      }
    } finally {
      await server.close();
    }
    return { figures, failures: failuresOf(after) };
  },
};

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function describe({ samples, traced, recognised, baseline, byAction }: Recognition): string {
  const actions = [...byAction].map(([action, share]) => `${action} ${percent(share)}`);
  return `${percent(recognised)} of ${samples} recognised, ${percent(traced)} leave a trace, ${percent(baseline)} by naming one action always (${actions.toSorted().join(', ')})`;
}

/** A classifier that recognises nothing in the open proves nothing of a policy. */
function failuresOf(after: ReadonlyMap<string, Recognition>): string[] {
  const [open, ...others] = policies.map((policy) => after.get(policy)!);
  const failures: string[] = [];
  if (open!.recognised < 2 * open!.baseline)
    failures.push('passthrough: the classifier recognises too little');
  others.forEach(({ recognised }, index) => {
    if (recognised > open!.recognised)
      failures.push(`${policies[index + 1]}: more is recognised than under passthrough`);
  });
  return failures;
}
