/** What the policy bench measures: batches of typical stanzas, found, decided, edited, written in normal form. */
import { createSecretKey } from 'node:crypto';
import { openCatalogue, openPolicy } from '../../src/app/files/policies.ts';
import { createWire } from '../../src/app/tools/wire.ts';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { MediaAddresses } from '../../src/minimisation/media-address.ts';
import { Pseudonyms } from '../../src/minimisation/pseudonymise.ts';
import { DecisionCounts } from '../../src/observability/decision-counts.ts';
import { SeenCells } from '../../src/observability/seen-cells.ts';
import { loadCatalogue, type Catalogue } from '../../src/policy/catalogue.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import type { CountDecisions } from '../../src/policy/enforcement.ts';
import type { Outcome } from '../../src/policy/outcome.ts';
import type { Policy, Rule } from '../../src/policy/policy.ts';
import type { PolicyContext } from '../../src/policy/session-view.ts';
import { audienceOf, type Direction } from '../../src/stanza/direction.ts';
import type { Names } from '../../src/stanza/names.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { OutputMemory } from '../../src/stream/output-memory.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { splice } from '../../src/stream/splice.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import type { Work } from './measure.ts';
import { header } from './payload.ts';
import {
  account,
  plainNames,
  typicalStanzas,
  type NamesOfClient,
  type TypicalStanza,
} from './typical-stanzas.ts';

const workspace = new Workspace(new SimdStructure(), defaultLimits);
const strict = openPolicy('strict');
const shipped = openCatalogue();
/** A session that has asked for its resource and not got it yet. */
const unbound: PolicyContext = {
  gatekeeper: 'gatekeeper',
  account,
  resource: '',
  session: 'a session',
  startedAt: Date.parse('2026-11-23T12:00:00Z'),
};

const environment = { clock: Date.now, random: Math.random };
const shownNames = namesShown();
const bound: PolicyContext = { ...unbound, resource: shownNames.resource };

/** Stanzas of one call. No cache of a session remembers so many. */
export const batchStanzas = 512;
const answer = 'iq result';
/** One piece of work per step of the proxy; each does what the one before does, and its own. `normalForm` follows `scan`. */
export interface PolicyCase {
  readonly name: string;
  readonly byteLength: number;
  /** Stanzas of one call. */
  readonly stanzas: number;
  /** Finding the stanzas. */
  readonly scan: Work;
  readonly decide?: Work;
  /** Deciding and editing. */
  readonly edit: Work;
  readonly normalForm?: Work;
  /** Whether the budget of a typical stanza is meant for it. */
  readonly typical: boolean;
}

/** Every case, built when it is its turn. Another revision's file is loaded by the bench of this one: what is exported
 *  here keeps its form. */
export function* policyCases(): Generator<PolicyCase> {
  for (const stanza of typicalStanzas) yield typicalCase(stanza);
  yield* answerCases();
}

function typicalCase({ name: kind, direction, write }: TypicalStanza): PolicyCase {
  const { names, compiled } = compile(shipped, strict);
  const batch = batchOf(write, direction === 'to-client' ? shownNames : plainNames);
  const writer = new CanonicalWriter(defaultLimits);
  return {
    name: kind === answer ? `${kind}, its request forgotten` : kind,
    byteLength: write(0).length,
    stanzas: batchStanzas,
    scan: scanning(names, batch, () => 1),
    decide: scanning(names, batch, deciding(compiled, direction)),
    edit: scanning(names, batch, editing(compiled, direction)),
    normalForm: scanning(names, batch, (stanza) => writer.write(stanza).length),
    typical: kind !== answer,
  };
}

/** Answers that come soon after their requests, as they do; the batch of the other case has no requests. */
function* answerCases(): Generator<PolicyCase> {
  const [get, result] = ['iq get disco#info', answer].map((name) =>
    typicalStanzas.find((each) => each.name === name),
  ) as [TypicalStanza, TypicalStanza];
  const { names, compiled } = compile(shipped, strict);
  const pairs = batchOf((n) => get.write(n) + result.write(n, shownNames));
  const ask = editing(compiled, get.direction);
  const hear = editing(compiled, result.direction);
  let asked = false;
  const inTurn: Use = (stanza) => {
    asked = !asked;
    return asked ? ask(stanza) : hear(stanza);
  };
  yield {
    name: 'iq get and its result',
    byteLength: get.write(0).length + result.write(0, shownNames).length,
    stanzas: 2 * batchStanzas,
    scan: scanning(names, pairs, () => 1),
    edit: scanning(names, pairs, inTurn),
    typical: true,
  };
}

/** One kind of stanza under policies of more and more rules of their own. */
export function ruleCases(): readonly (Pick<PolicyCase, 'byteLength' | 'scan' | 'edit'> & {
  rules: number;
})[] {
  const { write, direction } = typicalStanzas[0]!;
  const batch = batchOf(write);
  return [0, 10, 100, 1_000].map((rules) => {
    const { names, compiled } = compile(catalogueWith(rules), policyWith(rules));
    return {
      rules,
      byteLength: write(0).length,
      scan: scanning(names, batch, () => 1),
      edit: scanning(names, batch, editing(compiled, direction)),
    };
  });
}

/** Stanzas decided and edited without counting the decisions, and with counting them as a session does. */
export function* countingCases(): Generator<
  Pick<PolicyCase, 'name' | 'byteLength' | 'stanzas'> & { readonly off: Work; readonly on: Work }
> {
  for (const { name, direction, write } of typicalStanzas) {
    const { names, compiled } = compile(shipped, strict);
    const batch = batchOf(write, direction === 'to-client' ? shownNames : plainNames);
    const counts = new DecisionCounts();
    const subject = { gatekeeper: 'gatekeeper', seen: new SeenCells() };
    const audience = audienceOf(direction);
    const counted: CountDecisions = (...decided) => counts.add(...decided);
    yield {
      name,
      byteLength: write(0).length,
      stanzas: batchStanzas,
      off: scanning(
        names,
        batch,
        editing(compiled, direction, () => {}),
      ),
      on: scanning(
        names,
        batch,
        editing(compiled, direction, ({ decisions, sizes }) =>
          counted(subject, audience, 'enforced', decisions, compiled, sizes),
        ),
      ),
    };
  }
}

/** A message without an address of media and one with two, decided without and with sealing them. */
export function mediaCases(): readonly (Pick<PolicyCase, 'name' | 'byteLength' | 'scan'> & {
  keep: Work;
  seal: Work;
})[] {
  const address = (n: number): string => `https://media.provider.example/u/${n}/holiday.jpg`;
  const messages: Record<string, (n: number) => string> = {
    'without an address': typicalStanzas[0]!.write,
    'with a picture': (n) =>
      `<message to='bob@example.com' type='chat' id='m${n}'><body>${address(n)}</body>` +
      `<x xmlns='jabber:x:oob'><url>${address(n)}</url></x></message>`,
  };
  const kept = { ...strict, matrix: { ...strict.matrix, gatekeeper: without(strict, 'content.media-url') } };
  return Object.entries(messages).map(([name, write]) => {
    const batch = batchOf(write);
    const { names, compiled } = compile(shipped, kept);
    const sealing = compile(shipped, strict, sealedMedia());
    return {
      name,
      byteLength: write(0).length,
      scan: scanning(names, batch, () => 1),
      keep: scanning(names, batch, editing(compiled, 'to-gatekeeper')),
      seal: scanning(sealing.names, batch, editing(sealing.compiled, 'to-gatekeeper')),
    };
  });
}

function without({ matrix }: Policy, field: string): Policy['matrix']['gatekeeper'] {
  return new Map([...matrix.gatekeeper].filter(([name]) => name !== field));
}

function sealedMedia(): MediaAddresses {
  const tokens = createMediaTokens({
    secrets: [Buffer.alloc(32, 7)],
    lifetimeMs: 86_400_000,
    now: () => Date.now(),
  });
  return new MediaAddresses({
    base: 'https://proxy.example/media/',
    provider: ['https://media.provider.example'],
    gatekeepers: new Map(),
    seal: {
      seal: (url, view, { context: scope, periodMs = 86_400_000 }) =>
        tokens.seal(url, view.gatekeeper, { context: scope, periodMs }),
      unseal: (token, view) => tokens.reveal(token, view.gatekeeper),
    },
  });
}

function compile(
  catalogue: Catalogue,
  policy: Policy,
  media?: MediaAddresses,
): { names: Names; compiled: CompiledPolicy } {
  const names = vocabularyOf(catalogue);
  const pseudonyms = new Pseudonyms([createSecretKey(Buffer.alloc(32, 7))]);
  return {
    names,
    compiled: new CompiledPolicy(policy, { catalogue, names, pseudonyms, ...(media && { media }) }),
  };
}

function catalogueWith(fields: number): Catalogue {
  const numbers = Array.from({ length: fields }, (_, n) => n);
  const files = Array.from({ length: Math.ceil(fields / fieldsPerFile) }, (_, n) => ({
    file: `custom-${n}.yaml`,
    text: catalogueFile(numbers.slice(n * fieldsPerFile, (n + 1) * fieldsPerFile)),
  }));
  if (files.length === 0) return shipped;
  const { catalogue, diagnostics } = loadCatalogue(files);
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics[0]));
  return { ...shipped, fields: new Map([...shipped.fields, ...catalogue.fields]) };
}

/** A document has a greatest length. */
const fieldsPerFile = 200;

function catalogueFile(numbers: readonly number[]): string {
  const entry = (n: number): string => `
  custom.field-${n}:
    title: Field ${n}
    source: none
    select: ['custom${n}:secret/@value']
    direction: both
    category: identity
    reveals: something
    breaks: nothing
    classes: []
    value: text
    permits: [keep, drop]
    example: "<message xmlns='jabber:client'><secret xmlns='urn:custom:${n}' value='marker'/></message>"`;
  return `apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: custom }
namespaces: { ${numbers.map((n) => `custom${n}: 'urn:custom:${n}'`).join(', ')} }
fields:${numbers.map(entry).join('')}
`;
}

function policyWith(count: number): Policy {
  const { gatekeeper, ...others } = strict.matrix;
  const [rule] = gatekeeper.values();
  const custom = Array.from({ length: count }, (_, n): [string, Rule] => {
    const field = `custom.field-${n}`;
    return [field, { ...rule!, field, treatment: { kind: 'drop' } }];
  });
  return { ...strict, matrix: { ...others, gatekeeper: new Map([...gatekeeper, ...custom]) } };
}

export function batchOf(write: TypicalStanza['write'], known = plainNames): Buffer {
  return Buffer.from(Array.from({ length: batchStanzas }, (_, n) => write(n, known)).join(''));
}

/** What the gatekeeper is shown of what the client has named, by sending it. */
function namesShown(): NamesOfClient {
  const { names, compiled } = compile(shipped, strict);
  const decider = new Decider(compiled, 'to-gatekeeper', unbound, environment);
  const wire = createWire();
  const shown = (text: string, place: RegExp): string => {
    const stanza = wire.parse(text, names);
    const { verdict } = decider.decide(stanza);
    if (verdict.kind !== 'forward') throw new Error('strict does not forward a request');
    return place.exec(Buffer.from(wire.write(stanza, verdict.edits ?? [])).toString())![1]!;
  };
  return {
    // The request for a resource leaves without one, and the gatekeeper assigns it.
    resource: plainNames.resource,
    request: (id) => shown(`<iq type='get' id='${id}'/>`, / id='(.+)'/),
  };
}

type Use = (stanza: Stanza) => number;

function deciding(policy: CompiledPolicy, direction: Direction): Use {
  const decider = new Decider(policy, direction, { ...bound }, environment);
  return (stanza) => decider.decide(stanza).decisions.length;
}

function editing(
  policy: CompiledPolicy,
  direction: Direction,
  count: (outcome: Outcome) => void = () => {},
): Use {
  const decider = new Decider(policy, direction, { ...bound }, environment);
  const memory = new OutputMemory();
  return (stanza) => {
    const outcome = decider.decide(stanza);
    count(outcome);
    const { verdict } = outcome;
    if (verdict.kind !== 'forward' || verdict.edits === undefined) return 1;
    return splice(stanza, verdict.edits, memory).length;
  };
}

export function scanning(names: Names, batch: Buffer, use: Use): Work {
  let sum = 0;
  const scanner = new Scanner({
    names,
    limits: defaultLimits,
    workspace,
    sink: {
      header: () => undefined,
      stanza: (stanza) => {
        sum += use(stanza);
      },
      whitespace: () => undefined,
      end: () => undefined,
    },
  });
  scanner.push(Buffer.from(header));
  return () => {
    scanner.push(batch);
    return sum;
  };
}
