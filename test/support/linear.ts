/** Whether twice the input takes twice the work. Work is counted, not timed: the claim holds, or fails, the same on
 *  every machine and under every load. Time is measured by the bench.
 *
 *  A step is one entry into a block of JavaScript under src/: a call, a branch taken, a round of a loop. V8 counts them
 *  (precise block coverage) in code that is compiled after this module was loaded, so it is the first import of a test
 *  file; a run without steps fails. Native functions have no blocks. Those that search, copy or decode (`visitors`)
 *  are counted by the bytes or characters that they visit, the WebAssembly index by the bytes copied into its memory.
 *  Not counted: backtracking in a regular expression, cryptography, JSON. */
import { Session, type Profiler } from 'node:inspector';
import { expect } from 'vitest';

/** Twice the input may take at most this many times the steps: 2 is linear, 2.2 leaves room for a logarithm, 4 is
 *  quadratic. */
const stepsRatioMax = 2.2;

/** The same for bytes visited: a buffer that doubles when it is full copies its content once, or not at all. */
const visitedRatioMax = 3;

/** Native visits below this many bytes do not show growth. */
const visitedMin = 4_096;

/** Work of one run. */
export interface Work {
  readonly steps: number;
  /** Bytes or characters that native functions visited. */
  readonly visited: number;
}

/** Runs both, twice, and compares the work of the second time: the first may fill caches.
 *  @param name printed where a ratio is too high */
export function expectLinear(name: string, single: () => void, double: () => void): void {
  for (const work of [single, double]) work();
  let [once, twice] = [countWork(single), countWork(double)];
  // V8 was seen to count fewer steps than were made, once in hundreds of runs on a busy machine. What is not linear
  // fails a second count too.
  if (twice.steps / once.steps > stepsRatioMax) [once, twice] = [countWork(single), countWork(double)];
  expect(once.steps, `${name}: steps of code under src/`).toBeGreaterThan(0);
  expect(twice.steps / once.steps, `${name}: steps`).toBeLessThanOrEqual(stepsRatioMax);
  if (twice.visited < visitedMin) return;
  expect(twice.visited / once.visited, `${name}: bytes visited`).toBeLessThanOrEqual(visitedRatioMax);
}

/** Counts the work of one run of code under `folder`, by default src/. */
export function countWork(work: () => void, folder = '/src/'): Work {
  const visits = watchVisitors();
  try {
    takeSteps(folder);
    work();
    return { steps: takeSteps(folder), visited: visits.sum };
  } finally {
    visits.end();
  }
}

const session = new Session();
session.connect();

/** Asks V8. The answer arrives before `post` returns.
 *  @throws Error when V8 refuses */
function ask(method: string, parameters?: object): object {
  let answer: object = {};
  session.post(method, parameters, (error: Error | null, result?: object) => {
    if (error !== null) throw error;
    if (result !== undefined) answer = result;
  });
  return answer;
}

ask('Profiler.enable');
ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** Steps under a folder since the last call. */
function takeSteps(folder: string): number {
  const { result } = ask('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
  return result
    .filter(({ url }) => url.includes(folder))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((steps, { count }) => steps + count, 0);
}

interface Sized {
  readonly length: number;
}

/** How many bytes or characters a call visited, from what it was called on, its arguments and its result.
 *  @param start `lastIndex` of a regular expression before the call */
type Visited = (subject: Sized, parameters: readonly unknown[], result: unknown, start: number) => number;

const wholeSubject: Visited = (subject) => subject.length;
const wholeParameter: Visited = (_, [source]) => (source as Sized).length;
const returned: Visited = (_subject, _parameters, result) =>
  typeof result === 'number' ? result : (result as Sized).length;

/** From where a search began to what it found, else to the end. */
const searched: Visited = (subject, [, from], found) => {
  const start = typeof from === 'number' ? Math.max(0, from) : 0;
  return Math.max(0, (found === -1 ? subject.length : (found as number)) - start);
};

/** From `lastIndex`, where the expression uses it, to the end of the match, else of the text. */
const matched: Visited = (subject, [text], found, start) => {
  const { global, sticky } = subject as unknown as RegExp;
  const match = found as RegExpExecArray | null;
  const end = match === null ? (text as string).length : match.index + match[0].length;
  return Math.max(0, end - (global || sticky ? start : 0));
};

const bytes = Object.getPrototypeOf(Uint8Array.prototype) as object;

/** Native functions that visit what they are given. */
const visitors: readonly (readonly [owner: object, method: string, visited: Visited])[] = [
  [bytes, 'set', wholeParameter],
  [bytes, 'fill', wholeSubject],
  [bytes, 'copyWithin', wholeSubject],
  [bytes, 'slice', returned],
  [bytes, 'indexOf', searched],
  [Buffer.prototype, 'copy', returned],
  [Buffer.prototype, 'fill', wholeSubject],
  [Buffer.prototype, 'indexOf', searched],
  [Buffer.prototype, 'equals', wholeSubject],
  [Buffer.prototype, 'toString', returned],
  [Buffer.prototype, 'latin1Slice', returned],
  [Buffer.prototype, 'utf8Slice', returned],
  [Buffer.prototype, 'write', returned],
  [Buffer.prototype, 'latin1Write', returned],
  [Buffer.prototype, 'utf8Write', returned],
  [Buffer, 'concat', returned],
  [Buffer, 'from', returned],
  [Buffer, 'byteLength', returned],
  [String.prototype, 'indexOf', searched],
  [String.prototype, 'split', wholeSubject],
  [String.prototype, 'replaceAll', wholeSubject],
  [TextDecoder.prototype, 'decode', returned],
  [RegExp.prototype, 'exec', matched],
];

/** Puts a counter before every visitor, until `end` is called. */
function watchVisitors(): { readonly sum: number; end(): void } {
  let sum = 0;
  const natives = visitors.map(([owner, method]) => Object.getOwnPropertyDescriptor(owner, method)!);
  for (const [at, [owner, method, visited]] of visitors.entries()) {
    const native = natives[at]!.value as (...parameters: unknown[]) => unknown;
    const counted = function (this: Sized, ...parameters: unknown[]): unknown {
      const start = 'lastIndex' in Object(this) ? (this as unknown as RegExp).lastIndex : 0;
      const result: unknown = Reflect.apply(native, this, parameters);
      sum += visited(this, parameters, result, start);
      return result;
    };
    Object.defineProperty(owner, method, { ...natives[at]!, value: counted });
  }
  return {
    get sum() {
      return sum;
    },
    end() {
      for (const [at, [owner, method]] of visitors.entries())
        Object.defineProperty(owner, method, natives[at]!);
    },
  };
}
