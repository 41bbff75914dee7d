/** Mutated files of an operator: slips of the hand that an editor makes, and damage to bytes that a disk makes. */
import type { Random } from './random.ts';

type Mutation<T> = (input: T, random: Random) => T;

/** Returns a mutated copy of a YAML text: usually one mutation of its structure, sometimes several, or of its bytes. */
export function mutateYaml(text: string, random: Random): Buffer {
  if (random.once(4)) return mutateBytes(Buffer.from(text), random);
  let lines = text.split('\n');
  const times = random.once(4) ? 2 + random.below(3) : 1;
  for (let time = 0; time < times; time += 1) lines = random.pick(yamlMutations)(lines, random);
  return Buffer.from(lines.join('\n'));
}

/** Returns a mutated copy of the bytes of any file. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const times = random.once(3) ? 2 + random.below(4) : 1;
  let mutated = bytes;
  for (let time = 0; time < times; time += 1) mutated = random.pick(byteMutations)(mutated, random);
  return mutated;
}

const insertedAt = (bytes: Buffer, at: number, inserted: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);

const someBytes = (random: Random): Buffer =>
  Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));

const byteMutations: readonly Mutation<Buffer>[] = [
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    copy[at] = copy[at]! ^ (1 << random.below(8));
    return copy;
  },
  (bytes, random) => insertedAt(bytes, random.below(bytes.length + 1), Buffer.from([0])),
  (bytes, random) =>
    insertedAt(bytes, random.once(2) ? 0 : random.below(bytes.length + 1), Buffer.from('\uFEFF')),
  (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r'), 'latin1'),
  (bytes, random) =>
    insertedAt(bytes, random.below(bytes.length + 1), random.pick([Buffer.from([0xff]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xe2, 0x82])])),
  (bytes, random) => insertedAt(bytes, random.below(bytes.length + 1), someBytes(random)),
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const to = from + random.below(bytes.length - from + 1);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    return insertedAt(bytes, from, bytes.subarray(from, from + 1 + random.below(200)));
  },
]; // prettier-ignore

/** A line `key: value`, perhaps the first of a list item. */
const keyLine = /^(?<indent>\s*(?:- )?)(?<key>[\w.'"*-]+):(?<rest>.*)$/;

/** Indices of lines that a pattern matches; all of them when it matches none. */
function indicesOf(lines: readonly string[], pattern: RegExp): number[] {
  const found = lines.flatMap((line, index) => (pattern.test(line) ? [index] : []));
  return found.length === 0 ? [...lines.keys()] : found;
}

/** Replaces one line. */
const replaced = (lines: readonly string[], at: number, ...by: readonly string[]): string[] => [
  ...lines.slice(0, at),
  ...by,
  ...lines.slice(at + 1),
];

const onKeyLine =
  (change: (parts: { indent: string; key: string; rest: string }, random: Random) => string): Mutation<string[]> =>
  (lines, random) => {
    const at = random.pick(indicesOf(lines, keyLine));
    const groups = keyLine.exec(lines[at]!)?.groups as { indent: string; key: string; rest: string } | undefined;
    return groups === undefined ? replaced(lines, at) : replaced(lines, at, change(groups, random));
  }; // prettier-ignore

/** Names that mean something to JavaScript, to YAML, or to nothing. */
const strangeKeys = [
  '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', '""', '"*"', '~', '1', '1.5', 'true', 'null',
  '? a', '<<', '[a]', '{a: b}', '&a a', '!!str a', '"\\u0000"', '"a.b"', '…', '- a',
]; // prettier-ignore

const strangeValues = [
  '', '~', 'null', 'true', '7', '-1', '1.5', '1e400', '.nan', '.inf', '-.inf', '0x10', '0o17', '2027-02-30', '2027-03-31',
  '9999-12-31', '0000-01-01', '[]', '{}', '[[]]', '[a, b]', '{a: b}', '{drop: {}}', '{keep: {}, drop: {}}', '""', '"\\u0000"',
  '"\\ud800"', '*a', '&a [*a]', '&a {b: *a}', '!!binary aGk=', '!!binary "?"', '!!set {a}', '!!timestamp x', '!!int x',
  '!!js/function "x"', '!x y', '!!null a', '|', '>-', '"', "'", '[', '{', '}', '%a', '@a', '`a`', '<<: *x', '? a',
  '__proto__', 'constructor', '{__proto__: {a: b}}', '{constructor: {prototype: {}}}', '99999999999999999999', '-0',
  '{when: {}}', '[{}]', '[{when: {x: y}}]', '{pad: []}', '{pad: [9007199254740993B]}', '{coarsen: 0s}', '{delay: {up-to: 0s}}',
  '{delay: {up-to: 99999999999d}}', '{answer: {a: b}}', '{pseudonymise: {scope: session, rotate: 0d}}', '{replace: 7}',
  '{coarsen: {ipv4: 33, ipv6: 129}}', '{coarsen: {ipv4: -1, ipv6: 0.5}}',
]; // prettier-ignore

const huge: readonly (() => string)[] = [
  () => 'x'.repeat(100_000),
  () => '9'.repeat(10_000),
  () => '['.repeat(20_000),
  () => '{a: '.repeat(5_000),
  () => `[${'a, '.repeat(20_000)}]`,
  () => `{${Array.from({ length: 5_000 }, (_, index) => `k${index}: v`).join(', ')}}`,
];

/** Nine levels of nine aliases each. */
const aliasBomb = [
  'bomb0: &b0 [x, x, x, x, x, x, x, x, x]',
  ...Array.from(
    { length: 8 },
    (_, level) => `bomb${level + 1}: &b${level + 1} [${`*b${level}, `.repeat(9)}]`,
  ),
];

function misspelt(word: string, random: Random): string {
  const at = random.below(word.length);
  const [before, letter, after] = [word.slice(0, at), word[at] ?? '', word.slice(at + 1)];
  return random.pick([
    before + after,
    before + letter + letter + after,
    before + (after[0] ?? '') + letter + after.slice(1),
    `${before}x${after}`,
    word.toUpperCase(),
    ` ${word}`,
  ]);
}

const yamlMutations: readonly Mutation<string[]>[] = [
  onKeyLine(({ indent, key, rest }, random) => `${indent}${misspelt(key, random)}:${rest}`),
  onKeyLine(({ indent, rest }, random) => `${indent}${random.pick(strangeKeys)}:${rest}`),
  onKeyLine(({ indent, key }, random) => `${indent}${key}: ${random.pick(strangeValues)}`),
  onKeyLine(({ indent, key }, random) => `${indent}${key}: ${random.pick(strangeValues)}`),
  onKeyLine(({ indent, key, rest }, random) => `${indent}${key}: ${random.pick(['!!set', '!!omap', '!!binary', '!x', '!!str', '!!map', '!!seq', '&a', '*a'])}${rest}`),
  onKeyLine(({ indent, key, rest }) => `${indent}${key}${rest}`),
  (lines, random) => {
    const at = random.below(lines.length);
    return replaced(lines, at, `${random.pick([' ', '  ', '\t', '   '])}${lines[at]!}`);
  },
  (lines, random) => {
    const at = random.pick(indicesOf(lines, /^ /));
    return replaced(lines, at, lines[at]!.replace(/^ {1,2}/, ''));
  },
  (lines, random) => {
    const at = random.below(lines.length);
    return [...lines.slice(0, at), ...lines.slice(at + 1 + random.below(3))];
  },
  (lines, random) => {
    const at = random.below(lines.length);
    return replaced(lines, at, lines[at]!, lines[at]!);
  },
  (lines, random) => {
    const [from, to] = [random.below(lines.length), random.below(lines.length)];
    return replaced(replaced(lines, from, lines[to]!), to, lines[from]!);
  },
  (lines, random) => {
    const at = random.below(lines.length);
    const inserted = random.pick(['---', '...', '%YAML 1.1', '%TAG ! x', '# note', '- a', 'a: b', '  a: b', '? a', ': b', '<<: *a', '"', '&a']);
    return [...lines.slice(0, at), inserted, ...lines.slice(at)];
  },
  (lines) => [...aliasBomb, ...lines],
  (lines, random) => (random.once(5) ? onHugeLine(lines, random) : replaced(lines, random.below(lines.length))),
  (lines, random) => {
    // A value from elsewhere in the same file.
    const from = keyLine.exec(lines[random.pick(indicesOf(lines, keyLine))]!)?.groups?.['rest'] ?? '';
    return onKeyLine(({ indent, key }) => `${indent}${key}:${from}`)(lines, random);
  },
]; // prettier-ignore

const onHugeLine: Mutation<string[]> = onKeyLine(
  ({ indent, key }, random) => `${indent}${key}: ${random.pick(huge)()}`,
);

/** Returns a mutated copy of a PEM text: damage to bytes, to the DER inside, or to the lines around it. */
export function mutatePem(text: string, others: readonly string[], random: Random): Buffer {
  if (random.once(2)) return mutateBytes(Buffer.from(text), random);
  return Buffer.from(random.pick(pemMutations)(text, { others, random }));
}

interface PemSource {
  /** Other PEM texts: of other kinds, of other keys. */
  readonly others: readonly string[];
  readonly random: Random;
}

const block = /-----BEGIN (?<label>[^-]+)-----\n(?<body>[^-]*)-----END [^-]+-----\n?/;

const pemMutations: readonly ((text: string, source: PemSource) => string)[] = [
  (_, { others, random }) => random.pick(others),
  (text, { others, random }) => `${random.pick(others)}${text}`,
  (text, { others, random }) => `${text}${random.pick(others)}`,
  (text) => text + text,
  (text) => `a note before\n\n${text}`,
  (text, { random }) => text.replace(/BEGIN [^-]+/, random.pick(['BEGIN CERTIFICATE', 'BEGIN PUBLIC KEY', 'BEGIN PRIVATE KEY', 'BEGIN ENCRYPTED PRIVATE KEY', 'BEGIN X', 'BEGIN '])),
  (text, { random }) => text.replaceAll(/-----(BEGIN|END) [^-]+-----/g, (_, edge: string) => `-----${edge} ${random.pick(['CERTIFICATE', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'PUBLIC KEY', 'TRUSTED CERTIFICATE', 'X509 CRL'])}-----`),
  (text, { random }) => {
    const { label = '', body = '' } = block.exec(text)?.groups ?? {};
    const der = mutateBytes(Buffer.from(body, 'base64'), random);
    return `-----BEGIN ${label}-----\n${der.toString('base64')}\n-----END ${label}-----\n`;
  },
  (text, { random }) => {
    const lines = text.split('\n');
    lines.splice(random.below(lines.length), 1 + random.below(2));
    return lines.join('\n');
  },
  (text) => text.replaceAll('\n', ''),
  () => '',
]; // prettier-ignore
