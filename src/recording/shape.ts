/** The shape of an identifier: what is between its runs of letters and digits, the lengths of the runs, and their
 *  alphabets. It names the library that made the identifier, so an audit counts it, and tokens keep it. Which
 *  characters of a run are digits is not kept: at random places that would tell which value it was. */

const digits = '0123456789';
const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();

type Alphabet = readonly [pattern: RegExp, characters: string];

/** Alphabets of a long identifier, from the smallest to the largest. */
const alphabets: readonly Alphabet[] = [
  [/^[0-9]+$/, digits],
  [/^[0-9a-f]+$/, `${digits}abcdef`],
  [/^[0-9A-F]+$/, `${digits}ABCDEF`],
  [/^[0-9a-z]+$/, digits + lower],
  [/^[0-9A-Z]+$/, digits + upper],
  [/^[0-9A-Za-z]+$/, digits + lower + upper],
];
/** Alphabets of a run in a short one. */
const runAlphabets: readonly Alphabet[] = [
  [/^[0-9]+$/, digits],
  [/^[a-z]+$/, lower],
  [/^[A-Z]+$/, upper],
  [/^[A-Za-z]+$/, lower + upper],
  ...alphabets.slice(-3),
];
const mixed = alphabets.at(-1)![1];

/** Characters from which on an identifier has one alphabet, also across separators. */
const oneAlphabetMin = 16;

/** Longest text that is taken for an identifier. */
const identifierCharsMax = 128;

export interface Shape {
  /** The characters to replace, in order. */
  readonly characters: string;
  /** The alphabet of each of them. */
  readonly alphabets: readonly string[];
  /** Whether each character is in its alphabet. In base64 two others are at random places. */
  readonly isExact: boolean;
  /** Returns the identifier with other characters in place of these. */
  readonly filled: (characters: string) => string;
}

/** Returns the shape of a text; undefined for one with white space or with other characters than ASCII. */
export function shapeOf(text: string): Shape | undefined {
  if (text.length > identifierCharsMax || !/^[!-~]+$/.test(text)) return undefined;
  const plain = text.replaceAll(/[^0-9A-Za-z]/g, '');
  const whole = plain.length < oneAlphabetMin ? undefined : alphabetOf(plain, alphabets);
  const run = whole === mixed ? /[0-9A-Za-z_+/=-]+/g : /[0-9A-Za-z]+/g;
  const runs = text.match(run) ?? [];
  const characters = runs.join('');
  return {
    characters,
    alphabets: runs.flatMap((part) =>
      Array<string>(part.length).fill(whole ?? alphabetOf(part, runAlphabets)),
    ),
    isExact: whole !== mixed,
    filled: (other) => {
      let next = 0;
      return text.replaceAll(run, (part) => other.slice(next, (next += part.length)));
    },
  };
}

function alphabetOf(text: string, among: readonly Alphabet[]): string {
  return among.find(([pattern]) => pattern.test(text))?.[1] ?? mixed;
}

/** Returns whether an identifier with these characters has the shape. */
export function hasShape({ alphabets: each, filled }: Shape, characters: string): boolean {
  const other = shapeOf(filled(characters));
  return other!.alphabets.every((alphabet, index) => alphabet === each[index]);
}

/** Returns how many texts have these alphabets. */
export function sizeOf({ alphabets: each }: Shape): bigint {
  return each.reduce((size, { length }) => size * BigInt(length), 1n);
}

/** Returns the number of the characters among all of their alphabets. */
export function numberOf({ characters, alphabets: each }: Shape): bigint {
  return each.reduce(
    (number, alphabet, index) =>
      number * BigInt(alphabet.length) + BigInt(alphabet.indexOf(characters[index]!)),
    0n,
  );
}

/** Returns the characters with a number. */
export function charactersOf({ alphabets: each }: Shape, number: bigint): string {
  let rest = number;
  const characters = each.toReversed().map((alphabet) => {
    const size = BigInt(alphabet.length);
    const character = alphabet[Number(rest % size)]!;
    rest /= size;
    return character;
  });
  return characters.toReversed().join('');
}
