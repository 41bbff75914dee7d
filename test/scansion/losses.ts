/** What scripts lose to policies: those that pass straight at a server and fail under one. */
import { inTurns } from '../support/in-turns.ts';
import { explain, type Explanation } from './explain.ts';
import type { NamedScript } from './folder.ts';
import { wordsOf } from './rules.ts';
import type { Failure } from './run.ts';
import type { Venue } from './venue.ts';

/** `direct` is without a proxy; others are policies. */
export const columns = ['direct', 'passthrough', 'balanced', 'strict'] as const;

/** A script as it was played in each column. */
export interface Row {
  readonly script: NamedScript;
  readonly failures: ReadonlyMap<string, Failure>;
}

/** Plays every script in every column, `atOnce` of them at a time. */
export async function playAll(
  venue: Venue,
  scripts: readonly NamedScript[],
  columns: readonly string[],
  atOnce: number,
): Promise<Row[]> {
  const runs = scripts.flatMap((script) => columns.map((column) => ({ script, column })));
  const results = await inTurns(runs, atOnce, async ({ script, column }) => {
    const policy = column === 'direct' ? undefined : column;
    return { script, column, failure: (await venue.play({ script, policy })).failure };
  });
  return scripts.map((script) => ({
    script,
    failures: new Map(
      results.filter((each) => each.script === script).map(({ column, failure }) => [column, failure]),
    ),
  }));
}

/** A script that passes straight at a server, and fails under a policy. */
export interface Loss {
  readonly script: NamedScript;
  readonly policy: string;
}

export function lossesOf(rows: readonly Row[]): Loss[] {
  return rows
    .filter(({ failures }) => passes(failures, 'direct'))
    .flatMap(({ script, failures }) =>
      [...failures.keys()]
        .filter((column) => !passes(failures, column))
        .map((policy) => ({ script, policy })),
    );
}

/** Whether a script was played in a column, and passed. */
export function passes(failures: Row['failures'], column: string): boolean {
  return failures.has(column) && failures.get(column) === undefined;
}

export interface ExplainedLoss extends Loss {
  readonly explanation: Explanation;
}

/** How often a script is played to explain one loss of it, at most: enough for two rules of a hundred that act. */
const takesOfExplanation = 24;

/** Finds the rules that make scripts fail, at a server started for it. */
export async function explainLosses(
  open: (scripts: readonly NamedScript[], takes: number) => Promise<Venue>,
  losses: readonly Loss[],
  atOnce: number,
): Promise<ExplainedLoss[]> {
  const lost = [...Map.groupBy(losses, ({ script }) => script)];
  const most = Math.max(0, ...lost.map(([, of]) => of.length));
  const scripts = lost.map(([script]) => script);
  const venue = await open(scripts, most * takesOfExplanation);
  try {
    return await inTurns(losses, atOnce, async ({ script, policy }) => ({
      script,
      policy,
      explanation: await explain((kept) => venue.play({ script, policy, kept, counted: true })),
    }));
  } finally {
    await venue.close();
  }
}

/** Returns why a script fails under a policy, in words. */
export function reasonOf({ explanation }: ExplainedLoss): string {
  if (explanation.kind === 'rules') return explanation.rules.map(wordsOf).join(', ');
  return explanation.kind === 'passed' ? 'it passed when tried again' : 'no rule found';
}
