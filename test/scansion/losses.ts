/** What scripts lose to policies: those that pass straight at a server and fail under one. */
import { inTurns } from '../support/in-turns.ts';
import { explain, type Explanation, type Play } from './explain.ts';
import type { NamedScript } from './folder.ts';
import { wordsOf, type Rule } from './rules.ts';
import type { Failure } from './run.ts';
import type { Venue } from './venue.ts';

/** `direct` is without a proxy; others are policies. */
export const columns = ['direct', 'passthrough', 'balanced', 'strict'] as const;

/** A script as it was played in each column. */
export interface Row {
  readonly script: NamedScript;
  /** Without columns in which it was not played. */
  readonly failures: ReadonlyMap<string, Failure>;
}

/** Plays every script in every column, `atOnce` of them at a time. One that fails directly is played no more.
 *  @param isLost whether a script is known to fail in a column; where it comes out otherwise, it is played once more, by
 *  itself: a server that does much at once may change the order of what two clients send */
export async function playAll(
  venue: Venue,
  scripts: readonly NamedScript[],
  columns: readonly string[],
  atOnce: number,
  isLost?: (script: NamedScript, column: string) => boolean,
): Promise<Row[]> {
  const rows = scripts.map((script) => ({ script, failures: new Map<string, Failure>() }));
  type Played = { readonly row: (typeof rows)[number]; readonly column: string };
  const play = async (some: typeof rows, columns: readonly string[]): Promise<void> => {
    const runs = some.flatMap((row) => columns.map((column) => ({ row, column })));
    const played = async (runs: readonly Played[], atOnce: number): Promise<void> => {
      const results = await inTurns(runs, atOnce, ({ row: { script }, column }) =>
        venue.play({ script, policy: isDirect(column) ? undefined : column }),
      );
      for (const [index, { row, column }] of runs.entries())
        row.failures.set(column, results[index]!.failure);
    };
    await played(runs, atOnce);
    if (isLost === undefined) return;
    const otherwise = ({ row: { script, failures }, column }: Played): boolean =>
      passes(failures, column) === isLost(script, column);
    await played(runs.filter(otherwise), 1);
  };
  const [direct, others] = [columns.filter(isDirect), columns.filter((column) => !isDirect(column))];
  await play(rows, direct);
  await play(
    rows.filter(({ failures }) => direct.every((column) => passes(failures, column))),
    others,
  );
  return rows;
}

function isDirect(column: string): boolean {
  return column === 'direct';
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

/** Finds the rules that make scripts fail, at a server started for it.
 *  @param guess returns rules to try first */
export async function explainLosses(
  open: (scripts: readonly NamedScript[], takes: number) => Promise<Venue>,
  losses: readonly Loss[],
  atOnce: number,
  guess: (loss: Loss) => readonly Rule[] = () => [],
): Promise<ExplainedLoss[]> {
  const lost = [...Map.groupBy(losses, ({ script }) => script)];
  const most = Math.max(0, ...lost.map(([, of]) => of.length));
  const scripts = lost.map(([script]) => script);
  const venue = await open(scripts, most * takesOfExplanation);
  try {
    return await inTurns(losses, atOnce, async (loss) => {
      const play: Play = (kept) => venue.play({ ...loss, kept, counted: true });
      return { ...loss, explanation: await explain(play, guess(loss)) };
    });
  } finally {
    await venue.close();
  }
}

/** Returns why a script fails under a policy, in words. */
export function reasonOf({ explanation }: ExplainedLoss): string {
  if (explanation.kind === 'rules') return explanation.rules.map(wordsOf).join(', ');
  return explanation.kind === 'chance' ? 'by chance: it passes when played again' : 'no rule found';
}
