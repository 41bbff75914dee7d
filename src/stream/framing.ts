/** Writes the proxy's own parts of a framed stream (RFC 7395 §3.3), and makes a frame of an element that was written for
 *  a stream with a header. Each frame is a document of its own, with all declarations that it needs. */
import type { StreamCondition } from '../stanza/error.ts';
import { ns } from '../stanza/namespaces.ts';
import { streamPrefix } from './header.ts';
import type { OutputMemory } from './output-memory.ts';
import { attributeText, errorElement, writtenOf } from './write.ts';

/** Returns the frame that opens a stream, in place of the header (RFC 7395 §3.4).
 *  @param attributes as of `writeHeader` */
export function writeOpen(attributes: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.from(`<open xmlns='${ns.framing}'${attributeText(writtenOf(attributes))}/>`);
}

/** Returns the frame that closes a stream (RFC 7395 §3.6). It never has a `see-other-uri`. */
export function writeCloseFrame(): Uint8Array {
  return Buffer.from(`<close xmlns='${ns.framing}'/>`);
}

/** Returns the frame of a stream error (RFC 7395 §3.5).
 *  @param text the proxy's own words, never input */
export function writeErrorFrame(condition: StreamCondition, text?: string): Uint8Array {
  const error = Buffer.from(errorElement(condition, text));
  return splice(error, 0, error.length, rootOf(error, 0, error.length), (length) => Buffer.alloc(length));
}

/** Returns `bytes[start, end)`, an element of the proxy's stream in UTF-8, as a frame: declarations that it inherits from the
 *  header of such a stream are added to its start tag. Only that tag is read. Without one to add it is not copied.
 *  @param memory from which a copy is taken */
export function frameOf(bytes: Uint8Array, start: number, end: number, memory: OutputMemory): Uint8Array {
  const root = rootOf(bytes, start, end);
  if (root.missing === nothing) return bytes.subarray(start, end);
  return splice(bytes, start, end, root, (length) => memory.take(length));
}

/** What the start tag of an element says. */
interface Root {
  /** Offset after its name. */
  readonly nameEnd: number;
  /** Declarations to add there. */
  readonly missing: Uint8Array;
}

function splice(
  bytes: Uint8Array,
  start: number,
  end: number,
  { nameEnd, missing }: Root,
  take: (length: number) => Uint8Array,
): Uint8Array {
  const frame = take(end - start + missing.length);
  frame.set(bytes.subarray(start, nameEnd));
  frame.set(missing, nameEnd - start);
  frame.set(bytes.subarray(nameEnd, end), nameEnd - start + missing.length);
  return frame;
}

const nothing = new Uint8Array(0);
const content = Buffer.from(` xmlns='${ns.client}'`);
const streams = Buffer.from(` xmlns:${streamPrefix}='${ns.streams}'`);
const both = Buffer.concat([content, streams]);

const defaultName = Buffer.from('xmlns');
const streamsName = Buffer.from(`xmlns:${streamPrefix}`);
const elementPrefix = Buffer.from(`${streamPrefix}:`);

const SPACE = 0x20;
const GT = 0x3e;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const QUOT = 0x22;
const APOS = 0x27;

/** Reads the start tag of a well-formed element. Prefixes other than that of the proxy's header are declared in the
 *  element itself, or it would not be verbatim (`Stanza.verbatim`). */
function rootOf(bytes: Uint8Array, start: number, end: number): Root {
  const nameEnd = endOfName(bytes, start + 1, end);
  const inStreams = startsWith(bytes, start + 1, elementPrefix);
  let declaresDefault = false;
  let declaresStreams = !inStreams;
  let at = nameEnd;
  while (at < end && bytes[at] !== GT && !(declaresDefault && declaresStreams)) {
    if (bytes[at]! <= SPACE || bytes[at] === SLASH) {
      at += 1;
      continue;
    }
    const name = at;
    at = endOfName(bytes, at, end);
    declaresDefault ||= equals(bytes, name, at, defaultName);
    declaresStreams ||= equals(bytes, name, at, streamsName);
    while (at < end && bytes[at] !== QUOT && bytes[at] !== APOS) at += 1;
    const quote = bytes[at];
    at += 1;
    while (at < end && bytes[at] !== quote) at += 1;
    at += 1;
  }
  const missing = declaresStreams ? (declaresDefault ? nothing : content) : declaresDefault ? streams : both;
  return { nameEnd, missing };
}

function endOfName(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  for (; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte <= SPACE || byte === GT || byte === SLASH || byte === EQUALS) break;
  }
  return at;
}

function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return false;
  return true;
}

function equals(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  return end - start === word.length && startsWith(bytes, start, word);
}
