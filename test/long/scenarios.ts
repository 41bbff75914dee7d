/** Our scenarios, played straight at three servers and through the proxy, with the rules by which each is lost
 *  (docs/scenarios.md). A case is a script, and fails where it is lost under `passthrough` or without a rule. */
import { prosody13, servers, type ServerKind } from '../peers/servers.ts';
import { readFolder, type NamedScript } from '../scansion/folder.ts';
import { readKept } from '../scansion/kept.ts';
import {
  columns,
  explainLosses,
  lossesOf,
  passes,
  playAll,
  reasonOf,
  type ExplainedLoss,
  type Loss,
} from '../scansion/losses.ts';
import { wordsOf, type Rule } from '../scansion/rules.ts';
import { oneServer, type Venue } from '../scansion/venue.ts';
import type { LongRun, LongRunResult } from './long-run.ts';

const scripts = readFolder(new URL('../interop/scenarios', import.meta.url).pathname);
/** Those that fail wait most of the time. */
const atOnce = 4;

export const longRun: LongRun = {
  name: 'scenarios',
  summary:
    'our scripts straight at three servers and under each policy, with the rules by which they are lost',
  unit: 'scripts',
  count: scripts.length,
  async run({ count, progress }) {
    const figures: Record<string, string> = {};
    const failures: string[] = [];
    for (const [index, server] of [prosody13, ...servers].entries()) {
      const found = await runAt(server, scripts.slice(0, count));
      Object.assign(figures, found.figures);
      failures.push(...found.failures);
      progress(Math.round((count * (index + 1)) / (servers.length + 1)));
    }
    return { figures, failures };
  },
};

async function runAt(server: ServerKind, scripts: readonly NamedScript[]): Promise<LongRunResult> {
  const open = (scripts: readonly NamedScript[], takes: number): Promise<Venue> =>
    oneServer(server, scripts, takes);
  const venue = await open(scripts, columns.length);
  const rows = await playAll(venue, scripts, columns, atOnce);
  await venue.close();
  const losses = await explainLosses(open, lossesOf(rows), atOnce, rulesOfPage);
  const passed = columns.map((column) => {
    const count = rows.filter(({ failures }) => passes(failures, column)).length;
    return `${column} ${count}`;
  });
  const direct = rows.filter(({ failures }) => !passes(failures, 'direct')).map(({ script }) => script.name);
  const others = losses.filter((loss) => reasonOf(loss) !== rulesOfPage(loss).map(wordsOf).join(', '));
  const failed = losses.filter(
    ({ policy, explanation }) => policy === 'passthrough' || explanation.kind === 'unexplained',
  );
  return {
    figures: {
      [`${server.name}, passed`]: passed.join(', '),
      [`${server.name}, fail straight at it`]: direct.join(', ') || 'none',
      [`${server.name}, lost otherwise than on the page`]: others.map(sentenceOf).join('; ') || 'none',
    },
    failures: failed.map((loss) => `${server.name}, ${sentenceOf(loss)}`),
  };
}

function sentenceOf(loss: ExplainedLoss): string {
  return `${loss.script.name} under ${loss.policy}: ${reasonOf(loss)}`;
}

/** Returns the rules that docs/scenarios.md has for a loss, none where it has no such loss. */
function rulesOfPage({ script, policy }: Loss): readonly Rule[] {
  const kept = readKept().losses.find((loss) => loss.script === script.name && loss.policy === policy);
  return kept?.rules ?? [];
}
