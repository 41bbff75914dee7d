/** Prints a step of the story for a terminal: before and after of each message, then the statements. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { formatAnswer, formatRequest } from '../http/transcript.ts';
import { formatBeforeAndAfter, formatLinesBeforeAndAfter, formatStanza } from '../transcript.ts';
import type { Outcome, Passage, Step } from './telling.ts';

export interface StoryFormat {
  /** Width in columns. */
  readonly width: number;
  /** Whether to use ANSI colours. */
  readonly colour: boolean;
}

const indent = 4;

export function formatStep(step: Step, format: StoryFormat): string[] {
  const { act, number, title, passages, findings } = step;
  return [
    ...(act === undefined
      ? []
      : [paint('bold', act, format), paint('dim', '─'.repeat(act.length), format), '']),
    ...wrap(title, format.width - indent).map((line, at) => {
      const margin = at === 0 ? `${String(number).padStart(2)}  ` : ' '.repeat(indent);
      return paint('bold', margin + line, format);
    }),
    ...passages.flatMap((passage) => ['', ...formatPassage(passage, format)]),
    '',
    ...findings.flatMap((finding) => formatFinding(finding, format)),
    '',
  ];
}

function formatPassage(passage: Passage, format: StoryFormat): string[] {
  const { from, to } = passage;
  const margin = ' '.repeat(indent);
  const way = `${margin}${from} ─▶ Narthex ─▶ ${to}`;
  const inner = { ...format, width: format.width - indent };
  const body = fold(formatBoth(passage, inner)).map((line) => `${margin}${line}`);
  return [paint('dim', way, format), ...body];
}

/** Most lines of one kind in a row; further ones are counted, not shown. */
const runMax = 12;

/** Shortens long values to their beginning. */
function fold(lines: readonly string[]): string[] {
  const folded: string[] = [];
  for (let at = 0; at < lines.length;) {
    const kind = kindOf(lines[at]!);
    const end = lines.findIndex((line, index) => index >= at && kindOf(line) !== kind);
    const run = lines.slice(at, end === -1 ? lines.length : end);
    const hidden = kind === ' ' ? 0 : run.length - runMax;
    folded.push(...(hidden > 1 ? [...run.slice(0, runMax), `${kind} … ${hidden} more lines`] : run));
    at += run.length;
  }
  return folded;
}

/** Returns the mark of a compared line, which may be coloured. */
function kindOf(line: string): string {
  return stripVTControlCharacters(line).charAt(0);
}

function formatBoth(passage: Passage, inner: StoryFormat): string[] {
  if (passage.kind === 'stanza') {
    const { sent, received } = passage;
    return received === undefined
      ? [...lost(formatStanza(sent, { ...inner, width: inner.width - 2 }), inner)]
      : formatBeforeAndAfter(sent, received, inner);
  }
  if (passage.kind === 'request') {
    const { sent, received } = passage;
    if (received === undefined) return lost(formatRequest(sent), inner);
    return formatLinesBeforeAndAfter(formatRequest(sent), formatRequest(received), inner);
  }
  const { sent, received } = passage;
  if (received === undefined) return lost(formatAnswer(sent), inner);
  return formatLinesBeforeAndAfter(formatAnswer(sent), formatAnswer(received), inner);
}

function lost(before: readonly string[], format: StoryFormat): string[] {
  return [...formatLinesBeforeAndAfter(before, [], format), paint('dim', '  nothing arrived', format)];
}

function formatFinding({ holds, text }: Step['findings'][number], format: StoryFormat): string[] {
  const mark = holds ? paint('green', '✓', format) : paint('red', '✗', format);
  const [first = '', ...more] = wrap(text, format.width - indent - 2);
  const margin = ' '.repeat(indent);
  return [`${margin}${mark} ${first}`, ...more.map((line) => `${margin}  ${line}`)];
}

export function formatOutcome({ findings, failed, complete }: Outcome, format: StoryFormat): string[] {
  const all = `${findings - failed} of ${findings} statements held, each made on what the other party really received.`;
  if (failed === 0 && complete) return [paint('green', `✓ ${all}`, format)];
  const end = complete ? '' : ' The story ended before its end.';
  return [paint('red', `✗ ${all}${end}`, format)];
}

/** Breaks a text at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

function paint(style: Parameters<typeof styleText>[0], text: string, { colour }: StoryFormat): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}
