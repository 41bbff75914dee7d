/** A thread that plants two values of a hidden field in random stanzas under random policies, and compares what the audience
 *  gets. */
import { parentPort } from 'node:worker_threads';
import type { Field } from '../reference/catalogue.ts';
import { matrixFor, readPolicy, treatmentOf, type Policy } from '../reference/language.ts';
import { attributeOf, isStanza, type Element } from '../reference/tree.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { Random } from '../support/random.ts';
import { compile, Deployment, loadGenerated, type EngineSession } from './engine.ts';
import { anything, isSelected, spotsOf, valueAt } from './interference.ts';
import { documentOf } from './policies.ts';
import { containers, make, type Spot } from './spots.ts';
import { TripleGenerator, type Triple } from './triples.ts';
import { spell } from './write.ts';

export interface PairRequest {
  readonly seed: number;
  readonly block: number;
  readonly pairs: number;
}

export interface PairAnswer {
  /** Pairs that were compared. */
  readonly pairs: number;
  /** Of these, pairs of which the audience got something. */
  readonly forwarded: number;
  readonly failures: readonly string[];
}

/** Treatments that hide all of a value. */
const hiding = ['drop', 'refuse', 'replace', 'answer'];
const generator = new TripleGenerator();
const fields = [...generator.catalogue.fields.values()].filter(
  ({ where, selects }) => where === 'stanza' && selects.length > 0,
);
const spots = new Map<Field, readonly Spot[]>();
const wraps = Object.values(containers);

function runPairs({ seed, block, pairs: wanted }: PairRequest): PairAnswer {
  const random = new Random(Math.imul(seed, 0x51ed_270b) + block);
  const triples = generator.block(seed, block);
  const policies = policiesOf(triples[0]!);
  const failures: string[] = [];
  let pairs = 0;
  let forwarded = 0;
  for (const triple of triples.slice(0, wanted)) {
    const planted = plant(triple, policies.read.get(triple.session.gatekeeper)!, random);
    if (planted === undefined) continue;
    const seen = planted.stanzas.map((each) => bytes(policies, triple, each));
    pairs += 1;
    if (seen[0] !== undefined) forwarded += 1;
    if (seen[0] === seen[1]) continue;
    const [one, other] = planted.stanzas.map((each) => spell(each));
    failures.push(
      `seed ${seed} block ${block}: ${planted.field.name} ${triple.direction}\n  ${one}\n  ${other}\n  ${seen.join('\n  ')}`,
    );
  }
  return { pairs, forwarded, failures };
}

interface Policies {
  readonly read: ReadonlyMap<string, Policy>;
  readonly deployment: Deployment;
  readonly sessions: Map<number, EngineSession>;
}

function policiesOf({ policies }: Triple): Policies {
  const each = Object.entries(policies);
  const read = each.map(
    ([gatekeeper, of]) =>
      [gatekeeper, readPolicy(documentOf('generated', of), (name) => documentOf(name, of))] as const,
  );
  const compiled = each.map(
    ([gatekeeper, of]) => [gatekeeper, compile(loadGenerated('generated', of))] as const,
  );
  return {
    read: new Map(read),
    deployment: new Deployment(Object.fromEntries(compiled)),
    sessions: new Map(),
  };
}

/** Returns two stanzas that differ in one field that the policy hides; undefined where it hides none of those tried. */
function plant(
  { stanza, direction, session }: Triple,
  policy: Policy,
  random: Random,
): { field: Field; stanzas: readonly Element[] } | undefined {
  if (policy.mode === 'shadow' || !isStanza(stanza)) return undefined;
  const audience = direction === 'to-gatekeeper' ? 'gatekeeper' : 'client';
  const contact = (attributeOf(stanza, direction === 'to-gatekeeper' ? 'to' : 'from') ?? '')
    .replace(/\/.*/s, '')
    .toLowerCase();
  const rules = matrixFor(policy, session, contact)[audience];
  for (let trial = 0; trial < 12; trial += 1) {
    const field = random.pick(fields);
    const { kind } = treatmentOf(rules, policy.unlisted, field.name);
    if (!field.directions.includes(direction) || !hiding.includes(kind) || field.classes.has('wire'))
      continue;
    const spot = random.pick(spotsIn(field, kind));
    const wrap = isStanza(spot.build('x')) ? random.pick(wraps) : undefined;
    if (wrap === undefined || !isSelected(wrap(spot.build('x')), spot)) continue;
    const pair = random.pick(anything);
    return { field, stanzas: pair.map((value) => around(stanza, wrap(spot.build(valueAt(spot, value))))) };
  }
  return undefined;
}

function spotsIn(field: Field, kind: string): readonly Spot[] {
  let known = spots.get(field);
  if (known === undefined) spots.set(field, (known = spotsOf(field, kind)));
  return known;
}

/** Puts a stanza into another one. */
function around(stanza: Element, inner: Element): Element {
  return { ...stanza, content: [...stanza.content, make('urn:xmpp:forward:0', 'forwarded', {}, [inner])] };
}

/** Returns what the audience gets; undefined for nothing. */
function bytes(
  { deployment, sessions }: Policies,
  { number, session, direction }: Triple,
  stanza: Element,
): string | undefined {
  let engine = sessions.get(number);
  if (engine === undefined) sessions.set(number, (engine = deployment.open(session)));
  try {
    return engine.judge(spell(stanza), direction, session, true).wire?.toString();
  } catch (error) {
    if (error instanceof StreamError) return undefined;
    throw error;
  }
}

parentPort!.on('message', (request: PairRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort!.postMessage(runPairs(request));
});
