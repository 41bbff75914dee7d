/** Compares the engine with the reference: what leaves as a tree in normal form, what the sender is sent, and how it leaves. */
import { Reference, type Result } from '../reference/semantics.ts';
import { readCatalogue } from '../reference/catalogue.ts';
import { readPolicy, type Policy } from '../reference/language.ts';
import { PseudonymScheme } from '../reference/pseudonyms.ts';
import { readTree, writeTree } from '../reference/tree.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { compile, Deployment, loadGenerated, type EngineSession, type Judged } from './engine.ts';
import { documentOf, type Documents } from './policies.ts';
import { media, secret } from './sessions.ts';
import { spell } from './write.ts';
import type { Triple } from './triples.ts';

/** What each of the two says of a stanza, in the same words. */
export interface Comparison {
  readonly reference: string;
  readonly engine: string;
}

/** Counts of what was compared. */
export interface AgreementCounts {
  triples: number;
  /** Stanzas that the scanner refuses, of which nothing is compared. */
  unreadable: number;
  forwarded: number;
  /** Of these, those that leave otherwise than they came. */
  changed: number;
  dropped: number;
  answered: number;
}

export function newCounts(): AgreementCounts {
  return { triples: 0, unreadable: 0, forwarded: 0, changed: 0, dropped: 0, answered: 0 };
}

const reference = new Reference({
  catalogue: readCatalogue(),
  pseudonyms: new PseudonymScheme(secret),
  media,
});

/** Policies of one block, read and compiled by both. */
export class Bench {
  readonly #policies: Readonly<Record<string, Policy>>;
  readonly #deployment: Deployment;
  readonly #sessions = new Map<number, EngineSession>();

  constructor(documents: Triple['policies']) {
    const each = Object.entries(documents);
    this.#policies = Object.fromEntries(each.map(([gatekeeper, of]) => [gatekeeper, read(of)]));
    this.#deployment = new Deployment(
      Object.fromEntries(
        each.map(([gatekeeper, of]) => [gatekeeper, compile(loadGenerated('generated', of))]),
      ),
    );
  }

  /** Compares both on one triple.
   *  @returns undefined where they agree */
  compare(
    { stanza, direction, number, session }: Omit<Triple, 'policies'>,
    counts: AgreementCounts,
  ): Comparison | undefined {
    counts.triples += 1;
    const text = spell(stanza);
    let engineSession = this.#sessions.get(number);
    if (engineSession === undefined)
      this.#sessions.set(number, (engineSession = this.#deployment.open(session)));
    let judged: Judged;
    try {
      judged = engineSession.judge(text, direction, session);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      counts.unreadable += 1;
      return undefined;
    }
    const result = reference.evaluate(
      this.#policies[session.gatekeeper]!,
      stanza,
      direction,
      session,
      Buffer.byteLength(text),
    );
    count(counts, judged);
    // Its normal form would be longer than a limit.
    if (judged.verdict.kind === 'forward' && judged.after === undefined) return undefined;
    const expected = describeResult(result, () => writeTree(stanza));
    const actual = describeJudged(judged);
    if (expected === actual) return undefined;
    return sameReply(expected, actual) ? undefined : { reference: expected, engine: actual };
  }
}

function read(documents: Documents): Policy {
  return readPolicy(documentOf('generated', documents), (name) => documentOf(name, documents));
}

function count(counts: AgreementCounts, { verdict }: Judged): void {
  if (verdict.kind === 'forward') counts.forwarded += 1;
  else if (verdict.kind === 'drop') counts[verdict.reply === undefined ? 'dropped' : 'answered'] += 1;
  if (verdict.kind === 'forward' && (verdict.edits?.length ?? 0) > 0) counts.changed += 1;
}

interface Sending {
  readonly normal: boolean;
  readonly sizes: readonly number[] | undefined;
  readonly delay: number;
  readonly answer: readonly [id: string, after: number, alone: boolean] | undefined;
  readonly awaited: readonly (readonly [id: string, after: number])[];
}

function describeSending({ normal, sizes, delay, answer, awaited }: Sending): string {
  const parts = [
    ...(normal ? ['normal form'] : []),
    ...(sizes === undefined ? [] : [`padded ${sizes.join(' ')}`]),
    ...(delay === 0 ? [] : [`delayed ${delay}`]),
    ...(answer === undefined ? [] : [`answers ${answer.join(' ')}`]),
    ...awaited.map(([id, after]) => `awaits ${id} ${after}`),
  ];
  return parts.join(', ');
}

function describeResult(result: Result, unchanged: () => string): string {
  switch (result.kind) {
    case 'untouched':
      return `forwarded: ${unchanged()}\n`;
    case 'dropped':
      return 'dropped';
    case 'answered':
      return `answered: ${result.reply}`;
    default: {
      const { tree, normal, sizes, delay, answer, awaited } = result;
      const timed = answer && ([answer.id, answer.after, answer.alone] as const);
      return `forwarded: ${writeTree(tree)}\n${describeSending({ normal, sizes, delay, answer: timed, awaited: [...awaited] })}`;
    }
  }
}

function describeJudged({ verdict, after }: Judged): string {
  if (verdict.kind === 'drop')
    return verdict.reply === undefined ? 'dropped' : `answered: ${Buffer.from(verdict.reply).toString()}`;
  if (verdict.kind !== 'forward') return verdict.kind;
  const { normalise = false, padTo, delayMs = 0, answers, awaits = [] } = verdict;
  const answer = answers && ([answers.id, answers.afterMs, answers.alone] as const);
  const awaited = awaits.map(({ id, afterMs }) => [id, afterMs] as const);
  return `forwarded: ${after}\n${describeSending({ normal: normalise, sizes: padTo, delay: delayMs, answer, awaited })}`;
}

/** Replies are compared as trees: the engine copies attributes with the sender's quotes. */
function sameReply(expected: string, actual: string): boolean {
  const mark = 'answered: ';
  if (!expected.startsWith(mark) || !actual.startsWith(mark)) return false;
  const [one, other] = [expected, actual].map((each) => writeTree(readTree(each.slice(mark.length))));
  return one === other;
}
