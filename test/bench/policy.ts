/** What a policy costs on top of the scanner: deciding, editing, writing in normal form. */
import { createSecretKey } from 'node:crypto';
import { openCatalogue, openPolicy } from '../../src/app/files/policies.ts';
import { createWire } from '../../src/app/wire.ts';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { MediaAddresses } from '../../src/minimisation/media-address.ts';
import { Pseudonyms } from '../../src/minimisation/pseudonymise.ts';
import { loadCatalogue, type Catalogue } from '../../src/policy/catalogue.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import type { Policy, Rule } from '../../src/policy/policy.ts';
import type { PolicyContext } from '../../src/policy/session-view.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { Names } from '../../src/stanza/names.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { splice } from '../../src/stream/splice.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { compare, type Contender } from './measure.ts';
import { header } from './payload.ts';
import type { Bench, Row } from './row.ts';
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
/** What deciding and editing a typical stanza may add, in nanoseconds. */
const budget = 2_000;
const rounds = 15;

export const policyBench: Bench = {
  name: 'policy',
  run: () => [...typicalStanzas.flatMap(costRows), ...answerRows(), ...ruleRows(), ...mediaRows()],
};

function costRows({ name: kind, direction, write }: TypicalStanza): Row[] {
  const name = kind === answer ? `${kind}, its request forgotten` : kind;
  const { names, compiled } = compile(shipped, strict);
  const batch = batchOf(write, direction === 'to-client' ? shownNames : plainNames);
  const writer = new CanonicalWriter(defaultLimits);
  const { nanoseconds } = compare(
    [
      scanning(names, batch, () => 1),
      scanning(names, batch, deciding(compiled, direction)),
      scanning(names, batch, editing(compiled, direction)),
      scanning(names, batch, (stanza) => writer.write(stanza).length),
    ],
    rounds,
  );
  const [scan, decide, edit, normalForm] = nanoseconds.map((each) => each / batchStanzas) as [
    number,
    number,
    number,
    number,
  ];
  const row = { byteLength: write(0).length };
  return [
    { ...row, name: `${name}: scanner`, figure: microseconds(scan), ratio: scan / budget, yardstick: '2 µs' },
    { ...row, name: `${name}: decide adds`, ...added(scan, decide) },
    {
      ...row,
      name: `${name}: decide and edits add`,
      ...added(scan, edit),
      ...(kind !== answer && { aim: 1 }),
    },
    { ...row, name: `${name}: normal form adds`, ...added(scan, normalForm) },
  ];
}

/** Answers that come soon after their requests, as they do; the batch of the row above has no requests. */
function answerRows(): Row[] {
  const [get, result] = ['iq get disco#info', answer].map((name) =>
    typicalStanzas.find((each) => each.name === name),
  ) as [TypicalStanza, TypicalStanza];
  const { names, compiled } = compile(shipped, strict);
  const gets = batchOf(get.write);
  const pairs = batchOf((n) => get.write(n) + result.write(n, shownNames));
  const ask = editing(compiled, get.direction);
  const hear = editing(compiled, result.direction);
  let asked = false;
  const inTurn: Use = (stanza) => {
    asked = !asked;
    return asked ? ask(stanza) : hear(stanza);
  };
  const { nanoseconds } = compare(
    [
      scanning(names, gets, () => 1),
      scanning(names, gets, editing(compiled, get.direction)),
      scanning(names, pairs, () => 1),
      scanning(names, pairs, inTurn),
    ],
    rounds,
  );
  const [scanGets, editGets, scanPairs, editPairs] = nanoseconds.map((each) => each / batchStanzas) as [
    number,
    number,
    number,
    number,
  ];
  const row = { name: `${answer} soon after its request: decide and edits add`, aim: 1 };
  return [
    {
      ...row,
      byteLength: result.write(0, shownNames).length,
      ...added(scanPairs - scanGets, editPairs - editGets),
    },
  ];
}

/** One kind of stanza under policies of more and more rules of their own. */
function ruleRows(): Row[] {
  const { write, direction } = typicalStanzas[0]!;
  const batch = batchOf(write);
  const counts = [0, 10, 100, 1_000];
  const contenders = counts.flatMap((count) => {
    const { names, compiled } = compile(catalogueWith(count), policyWith(count));
    return [scanning(names, batch, () => 1), scanning(names, batch, editing(compiled, direction))];
  });
  const { nanoseconds } = compare(contenders, rounds);
  const costs = counts.map((_, i) => (nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / batchStanzas);
  return counts.map((count, i) => ({
    name: `strict and ${count} rules more: decide and edits add`,
    byteLength: write(0).length,
    figure: microseconds(costs[i]!),
    ratio: costs[i]! / costs[0]!,
    yardstick: 'strict alone',
  }));
}

/** What sealing the addresses of media adds to a decision, for a message without one and for one with two. */
function mediaRows(): Row[] {
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
    const { nanoseconds } = compare(
      [
        scanning(names, batch, () => 1),
        scanning(names, batch, editing(compiled, 'to-gatekeeper')),
        scanning(sealing.names, batch, editing(sealing.compiled, 'to-gatekeeper')),
      ],
      rounds,
    );
    const [scan, keep, seal] = nanoseconds.map((each) => each / batchStanzas) as [number, number, number];
    return {
      name: `chat ${name}: sealing media adds`,
      byteLength: write(0).length,
      figure: microseconds(seal - keep),
      ratio: (seal - scan) / (keep - scan),
      yardstick: 'decided without',
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

function added(base: number, cost: number): Pick<Row, 'figure' | 'ratio' | 'yardstick'> {
  const more = cost - base;
  return { figure: microseconds(more), ratio: more / budget, yardstick: '2 µs' };
}

export function microseconds(nanoseconds: number): string {
  return `${(nanoseconds / 1_000).toFixed(2)} µs`;
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
  const numbers = Array.from({ length: fields }, (_, n) => n);
  if (fields === 0) return shipped;
  const text = `apiVersion: narthex/v1
kind: MetadataCatalogue
metadata: { name: custom }
namespaces: { ${numbers.map((n) => `custom${n}: 'urn:custom:${n}'`).join(', ')} }
fields:${numbers.map(entry).join('')}
`;
  const { catalogue, diagnostics } = loadCatalogue([{ file: 'custom.yaml', text }]);
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics[0]));
  return { ...shipped, fields: new Map([...shipped.fields, ...catalogue.fields]) };
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
    if (verdict.kind !== 'forward') throw new Error('strict lets nobody ask');
    return place.exec(Buffer.from(wire.write(stanza, verdict.edits ?? [])).toString())![1]!;
  };
  const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${plainNames.resource}</resource></bind>`;
  return {
    resource: shown(`<iq type='set' id='1'>${bind}</iq>`, /<resource>(.+)<\/resource>/),
    request: (id) => shown(`<iq type='get' id='${id}'/>`, / id='(.+)'/),
  };
}

type Use = (stanza: Stanza) => number;

function deciding(policy: CompiledPolicy, direction: Direction): Use {
  const decider = new Decider(policy, direction, { ...bound }, environment);
  return (stanza) => decider.decide(stanza).decisions.length;
}

function editing(policy: CompiledPolicy, direction: Direction): Use {
  const decider = new Decider(policy, direction, { ...bound }, environment);
  return (stanza) => {
    const { verdict } = decider.decide(stanza);
    if (verdict.kind !== 'forward' || verdict.edits === undefined) return 1;
    return splice(stanza, verdict.edits).length;
  };
}

export function scanning(names: Names, batch: Buffer, use: Use): Contender {
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
