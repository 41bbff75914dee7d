/** One record of the exposure ledger and its line. A line is JSON with its hash at the end:
 *
 *      {"n":7,"prev":"…","at":"2026-11-29T10:00:00.000Z","kind":"exposure",…,"hash":"…"}
 *
 *  `hash` is SHA-256 over the bytes of the line before `,"hash"`, and `prev` is the hash of the line before it. A line
 *  that is not written in exactly this form is refused, so that each byte of a ledger is covered by a hash. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { recordBody, type RecordBody } from './body.ts';

/** The hash before the first record of a stream. */
export const noHash = 'A'.repeat(43);

/** Most bytes of a line. A reader refuses a longer one without reading it whole. */
export const lineBytesMax = 1_048_576;

/** Where a record stands in its stream. */
export interface Position {
  /** Number of the record, from 1. */
  readonly n: number;
  /** Hash of the record, 43 characters of base64url. */
  readonly hash: string;
}

/** What every record has before its body. */
interface Frame {
  readonly n: number;
  readonly prev: string;
  /** When it was written, ISO 8601 in UTC. */
  readonly at: string;
}

export type LedgerRecord = Frame & RecordBody & { readonly hash: string };

const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

const frame = z.object({
  n: z.int().min(1),
  prev: hash,
  at: z.iso.datetime({ precision: 3 }),
  hash,
});

/** Renders a record as a line with its line feed.
 *  @returns the line, and the position that the next record refers to */
export function renderRecord(
  previous: Position,
  at: number,
  body: RecordBody,
): { readonly line: string; readonly position: Position } {
  const n = previous.n + 1;
  const { kind, ...rest } = body;
  const framed = { n, prev: previous.hash, at: new Date(at).toISOString(), kind, ...rest };
  const covered = JSON.stringify(framed).slice(0, -1);
  const position = { n, hash: hashOf(covered) };
  return { line: `${covered},"hash":"${position.hash}"}\n`, position };
}

/** What a line is: a record, or why it is none. `malformed`: no record in the form above. `changed`: its hash is not
 *  that of its bytes. */
export type ParsedLine =
  { readonly kind: 'record'; readonly record: LedgerRecord } | { readonly kind: 'malformed' | 'changed' };

const tailBytes = ',"hash":"'.length + 43 + '"}'.length;

/** Parses a line without its line feed. */
export function parseRecord(line: string): ParsedLine {
  const parsed = parseJson(line);
  const framed = frame.safeParse(parsed);
  if (!framed.success) return { kind: 'malformed' };
  const { hash: claimed, n, prev, at } = framed.data;
  if (hashOf(line.slice(0, -tailBytes)) !== claimed) return { kind: 'changed' };
  const { hash: _hash, n: _n, prev: _prev, at: _at, ...rest } = parsed as Record<string, unknown>;
  const body = recordBody.safeParse(rest);
  if (!body.success) return { kind: 'malformed' };
  const record = { n, prev, at, ...body.data, hash: claimed };
  // JSON has many spellings of one value; only ours is covered by the hash in full.
  return JSON.stringify(parsed) === line ? { kind: 'record', record } : { kind: 'malformed' };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
