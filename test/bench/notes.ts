/** Sentences of the page, from figures of the run only: where the surplus over the pipe is. */
import { figure } from './print.ts';
import type { Row } from './row.ts';

const sections = ['scan', 'judge', 'dispatch', 'render', 'write'] as const;
const policies = ['narthex passthrough', 'narthex balanced, capabilities', 'narthex strict, capabilities'];
const paces = ['saturated', '2500/s'];

/** One sentence per policy and pace, then what the sections have in common. Empty without rows of the accounting. */
export function surplusNotes(rows: readonly Row[]): readonly string[] {
  return paces.flatMap((pace) => {
    const pipe = medianOf(rows, `accounting: pipe, ${pace}: all`);
    const pipeWrite = medianOf(rows, `accounting: pipe, ${pace}: write`);
    if (pipe === undefined || pipeWrite === undefined) return [];
    return policies.flatMap((policy) => {
      const all = medianOf(rows, `accounting: ${policy}, ${pace}: all`);
      const spent = sections.map(
        (section) => medianOf(rows, `accounting: ${policy}, ${pace}: ${section}`) ?? 0,
      );
      return all === undefined ? [] : [sentence({ policy, pace, all, spent, pipe, pipeWrite })];
    });
  });
}

interface Figures {
  readonly policy: string;
  readonly pace: string;
  readonly all: number;
  readonly spent: readonly number[];
  readonly pipe: number;
  readonly pipeWrite: number;
}

function sentence({ policy, pace, all, spent, pipe, pipeWrite }: Figures): string {
  const [scan, judge, dispatch, render, write] = spent as [number, number, number, number, number];
  const parts = {
    scanning: scan,
    judging: judge,
    dispatching: dispatch,
    rendering: render,
    'writing, beyond what the pipe writes': write - pipeWrite,
  };
  const rest = all - pipe - Object.values(parts).reduce((sum, each) => sum + each, 0);
  const ranked = Object.entries({ ...parts, 'what no clock read covers (events, reads, garbage)': rest })
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, microseconds]) => `${name} ${figure(microseconds)}`);
  return (
    `${policy}, ${pace}: a message costs ${figure(all)} µs of CPU, ${figure(all - pipe)} more than in the pipe (${figure(pipe)}). ` +
    `Of these, in µs: ${ranked.join('; ')}.`
  );
}

function medianOf(rows: readonly Row[], name: string): number | undefined {
  return rows.find((row) => row.name === name)?.figure.median;
}
