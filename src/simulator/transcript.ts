/** Stanzas as text for a terminal: indented, with long base64 shortened, and comparisons with changed lines marked.
 *  Without colour unless requested. */
import { styleText } from 'node:util';
import type { Attribute, Element } from './xml/element.ts';
import { parseElement } from './xml/reader.ts';
import { escapeAttribute, escapeText } from './xml/write.ts';

export interface TranscriptOptions {
  /** Width in columns. Default: 100. */
  readonly width?: number;
  /** Characters of base64 and other unbroken text above which it is cut, with its length stated. Default: 32. */
  readonly tokenMax?: number;
  /** Whether to use ANSI colours. Default: false. */
  readonly colour?: boolean;
}

const defaults = { width: 100, tokenMax: 32, colour: false } as const;

/** Returns one stanza over several lines, two spaces per level; names, prefixes and the order of attributes as
 *  written. Text that is no element of a client's stream stays one line. */
export function formatStanza(xml: string, options: TranscriptOptions = {}): string[] {
  const settings = { ...defaults, ...options };
  const parsed = parseElement(xml);
  return parsed === undefined ? [shorten(printable(xml), settings.width)] : lines(parsed, '', settings);
}

function lines(source: Element, indent: string, settings: Required<TranscriptOptions>): string[] {
  const attributes = source.attributes.map((one) => attributeText(one, settings.tokenMax));
  const parts = source.children.filter((one) => typeof one !== 'string' || stripped(one) !== '');
  const end = parts.length === 0 ? '/>' : '>';
  const start = startTag(source.name, attributes, end, indent, settings.width);
  if (parts.length === 0) return start;
  const close = `</${source.name}>`;
  const only = parts.length === 1 ? parts[0] : undefined;
  if (typeof only === 'string') {
    const inline = `${start.at(-1)}${textOf(only, settings.tokenMax)}${close}`;
    if (start.length === 1 && inline.length <= settings.width) return [inline];
  }
  const content = parts.flatMap((one) =>
    typeof one === 'string'
      ? [`${indent}  ${textOf(one, settings.tokenMax)}`]
      : lines(one, `${indent}  `, settings),
  );
  return [...start, ...content, `${indent}${close}`];
}

/** Returns a start tag on one line when it fits, else with an attribute per line. */
function startTag(name: string, attributes: readonly string[], end: string, indent: string, width: number) {
  const whole = `${indent}<${[name, ...attributes].join(' ')}${end}`;
  if (whole.length <= width || attributes.length < 2) return [whole];
  const hanging = attributes.map((one) => `${indent}    ${one}`);
  return [`${indent}<${name}`, ...hanging.slice(0, -1), `${hanging.at(-1)}${end}`];
}

function attributeText({ name, value }: Attribute, tokenMax: number): string {
  return `${name}='${shortenTokens(printable(escapeAttribute(value)), tokenMax)}'`;
}

function textOf(text: string, tokenMax: number): string {
  return shortenTokens(printable(escapeText(stripped(text))), tokenMax);
}

/** Returns a text without white space of XML at its ends; other spaces are content. */
function stripped(text: string): string {
  return text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
}

/** Shortens words that look like base64 or a key. A URI or a namespace name stays whole. */
function shortenTokens(text: string, tokenMax: number): string {
  return text.replaceAll(/[A-Za-z0-9+/_-]+={0,2}/g, (token) =>
    token.length > tokenMax && /[0-9A-Z]/.test(token) ? shorten(token, tokenMax) : token,
  );
}

function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const note = `… (${text.length} characters)`;
  return `${text.slice(0, Math.max(8, max - note.length))}${note}`;
}

/** Escapes control characters and characters that change the direction of text: the text comes from the wire. */
function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu,
    (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`,
  );
}

/** One line of a comparison. */
export interface ComparedLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** Returns the lines of both; those that only one has are marked `-` (before) or `+` (after). */
export function compareLines(before: readonly string[], after: readonly string[]): ComparedLine[] {
  const common = commonLengths(before, after);
  const compared: ComparedLine[] = [];
  let left = 0;
  let right = 0;
  while (left < before.length || right < after.length) {
    if (left < before.length && right < after.length && before[left] === after[right]) {
      compared.push({ mark: ' ', text: before[left++]! });
      right += 1;
    } else if (left < before.length && common[left + 1]![right]! >= (common[left]![right + 1] ?? -1)) {
      compared.push({ mark: '-', text: before[left++]! });
    } else {
      compared.push({ mark: '+', text: after[right++]! });
    }
  }
  return compared;
}

/** Returns at `[i][j]` the length of the longest common subsequence of the lines from i before and from j after. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const table = Array.from({ length: before.length + 1 }, () => Array<number>(after.length + 1).fill(0));
  for (let left = before.length - 1; left >= 0; left -= 1) {
    for (let right = after.length - 1; right >= 0; right -= 1) {
      table[left]![right] =
        before[left] === after[right]
          ? table[left + 1]![right + 1]! + 1
          : Math.max(table[left + 1]![right]!, table[left]![right + 1]!);
    }
  }
  return table;
}

/** Returns the lines of a message before and after, marked. */
export function formatLinesBeforeAndAfter(
  before: readonly string[],
  after: readonly string[],
  { colour = defaults.colour }: Pick<TranscriptOptions, 'colour'> = {},
): string[] {
  return compareLines(before, after).map(({ mark, text }) => paint(`${mark} ${text}`, mark, colour));
}

/** Returns the sent and the received message, one above the other, with changed lines marked. States when both are
 *  the same bytes, and when they differ in form only. */
export function formatBeforeAndAfter(
  before: string,
  after: string,
  options: TranscriptOptions = {},
): string[] {
  const settings = { ...defaults, ...options };
  const narrower = { ...settings, width: settings.width - 2 };
  const written = [formatStanza(before, narrower), formatStanza(after, narrower)] as const;
  const bytes = Buffer.byteLength(before);
  const isChanged = compareLines(...written).some(({ mark }) => mark !== ' ');
  const body = formatLinesBeforeAndAfter(...written, settings);
  if (before === after) return [...body, dim(`  = identical, ${bytes} bytes`, settings.colour)];
  if (!isChanged) return [...body, dim('  = same content, written differently', settings.colour)];
  return [...body, dim(`  ${bytes} bytes before, ${Buffer.byteLength(after)} after`, settings.colour)];
}

/** Like `formatBeforeAndAfter`, in two columns, the sent one left. */
export function formatSideBySide(before: string, after: string, options: TranscriptOptions = {}): string[] {
  const settings = { ...defaults, ...options };
  const column = Math.max(16, Math.floor((settings.width - 3) / 2));
  const narrower = { ...settings, width: column };
  const compared = compareLines(formatStanza(before, narrower), formatStanza(after, narrower));
  return pairUp(compared).map(({ left, right }) => {
    const mark = left === right ? ' ' : left === undefined ? '+' : right === undefined ? '-' : '~';
    const columns = `${cut(left ?? '', column).padEnd(column)} ${mark} ${cut(right ?? '', column)}`;
    return paint(columns.trimEnd(), mark, settings.colour);
  });
}

interface Pair {
  readonly left: string | undefined;
  readonly right: string | undefined;
}

/** Pairs a removed line with the added line after it in one row. */
function pairUp(compared: readonly ComparedLine[]): Pair[] {
  const pairs: Pair[] = [];
  let removed: string[] = [];
  for (const { mark, text } of compared) {
    if (mark === '-') removed.push(text);
    else if (mark === '+') pairs.push({ left: removed.shift(), right: text });
    else {
      pairs.push(...removed.map((left) => ({ left, right: undefined })), { left: text, right: text });
      removed = [];
    }
  }
  return [...pairs, ...removed.map((left) => ({ left, right: undefined }))];
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function paint(line: string, mark: ' ' | '-' | '+' | '~', colour: boolean): string {
  if (!colour || mark === ' ') return line;
  const style = mark === '-' ? 'red' : mark === '+' ? 'green' : 'yellow';
  return styleText(style, line, { validateStream: false });
}

function dim(line: string, colour: boolean): string {
  return colour ? styleText('dim', line, { validateStream: false }) : line;
}
