/** The tables of docs/timing.md: written by `npm run long -- timing`, read back by a test. */
import { describeTreatment } from '../../../src/policy/describe.ts';
import { openPolicy } from '../../../src/app/files/policies.ts';
import { treatmentOf, type Policy } from '../../../src/policy/policy.ts';
import { policyOf, policyText } from '../../policy/fixtures.ts';
import { attack, median, type AttackResult } from './attack.ts';
import { probeCounts } from './classifier.ts';
import { closeBy, farApart } from './latency.ts';
import { probes, type Probe } from './probes.ts';

export const page = new URL('../../../docs/timing.md', import.meta.url);
/** The most that the attack may come to where an answer is closed, over 2,000 decisions. */
export const closedMax = 0.55;

/** One line of a table. */
export interface Row {
  readonly name: string;
  readonly policy: string | Policy;
  readonly probe: Probe;
  readonly treatment: string;
  /** The aim is that the attack is at chance. */
  readonly isClosed: boolean;
}

function rowOf(policy: string, probe: Probe): Row {
  const { kind } = treatmentOf(openPolicy(policy), 'gatekeeper', probe.field).treatment;
  const treatment = describeTreatment(treatmentOf(openPolicy(policy), 'gatekeeper', probe.field).treatment);
  return { name: `\`${probe.field}\``, policy, probe, treatment, isClosed: kind !== 'keep' };
}

/** What else could be done with receipts. */
const others = [
  '{ delay: { up-to: 5s } }',
  '{ equalise: { after: 1500ms } }',
  '{ equalise: { after: 2s } }',
  '{ equalise: { after: 3s } }',
];

export const tables: Readonly<Record<string, readonly Row[]>> = {
  passthrough: probes.map((probe) => rowOf('passthrough', probe)),
  balanced: probes.map((probe) => rowOf('balanced', probe)),
  strict: probes.map((probe) => rowOf('strict', probe)),
  receipts: others.map((rule) => ({
    name: `\`${rule.slice(2, -2)}\``,
    policy: policyOf(policyText(`{ gatekeeper: { receipt.delivered: ${rule} } }`)),
    probe: probes[0]!,
    treatment: '',
    isClosed: false,
  })),
};

/** What one row has come to. */
export interface Measured {
  readonly far: AttackResult;
  readonly close: AttackResult;
}

/** @param decisions that are judged, for each pair of states */
export function measure({ policy, probe }: Row, decisions: number, seed: number): Measured {
  const options = { policy, probe, decisions, learned: Math.ceil(decisions / 4), probes: probeCounts };
  return {
    far: attack({ ...options, states: farApart, seed }),
    close: attack({ ...options, states: closeBy, seed: seed + 1 }),
  };
}

export const header = `| | treatment | ${probeCounts.join(' | ')} | 300, ${closeBy.name} | answers | answers wait | messages wait |`;

export function lineOf({ name, treatment }: Row, { far, close }: Measured): string {
  const shares = [...far.accuracies, close.accuracies.at(-1)!].map((accuracy) => accuracy.toFixed(2));
  // There are too many for the arguments of a call.
  const most = [far, close].flatMap(({ waits }) => waits.messages).reduce((a, b) => Math.max(a, b), 0);
  const waits = [median([...far.waits.answers, ...close.waits.answers]), most];
  const cells = [name, treatment, ...shares, `${Math.round(far.answered * 100)} %`, ...waits.map(seconds)];
  return `| ${cells.join(' | ')} |`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** Puts a table between its marks. */
export function withTable(text: string, name: string, lines: readonly string[]): string {
  const [start, end] = marks(name);
  const before = text.indexOf(start);
  const after = text.indexOf(end);
  if (before === -1 || after === -1) throw new Error(`docs/timing.md has no place for ${name}`);
  const rule = header.replaceAll(/[^|]+/g, ' --- ');
  return `${text.slice(0, before + start.length)}\n\n${[header, rule, ...lines].join('\n')}\n\n${text.slice(after)}`;
}

/** Cells of the rows of a table. */
export function readTable(text: string, name: string): readonly (readonly string[])[] {
  const [start, end] = marks(name);
  const lines = text.slice(text.indexOf(start), text.indexOf(end)).split('\n');
  return lines
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function marks(name: string): readonly [start: string, end: string] {
  return [`<!-- ${name}: written by npm run long -- timing -->`, `<!-- end of ${name} -->`];
}
