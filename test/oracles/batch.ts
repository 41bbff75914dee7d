/** Many forwarded stanzas as one document, and how the scanner reads it. */
import { StreamError } from '../../src/stanza/error.ts';
import { writeClose, writeHeader } from '../../src/stream/write.ts';
import { readable } from './description.ts';
import { readByScanner } from './reading.ts';

/** A stanza as it leaves. */
export interface ForwardedStanza {
  /** Bytes, padding included. */
  readonly bytes: Uint8Array;
  /** How the scanner had read what came, where the policy changes nothing of it. */
  readonly source: string | undefined;
}

export interface Batch {
  /** One stream with the proxy's own header, which is the same for the stanzas of all streams. */
  readonly document: Uint8Array;
  /** Where each stanza begins, and where the last one ends. */
  readonly offsets: readonly number[];
  /** Descriptions by the scanner. */
  readonly expected: readonly string[];
  /** What the scanner reads otherwise than it had before forwarding. */
  readonly differences: readonly Difference[];
}

/** What one reader made of a stanza and another one did not. */
export interface Difference {
  readonly reader: string;
  readonly stanza: string;
  readonly expected: string;
  readonly actual: string;
}

const header = writeHeader(new Map([['to', 'example.org'], ['version', '1.0']])); // prettier-ignore
const closing = writeClose();

/** Makes a document of stanzas and reads it. */
export function batchOf(stanzas: readonly ForwardedStanza[]): Batch {
  const document = Buffer.concat([header, ...stanzas.map(({ bytes }) => bytes), closing]);
  const offsets = [header.length];
  for (const { bytes } of stanzas) offsets.push(offsets.at(-1)! + bytes.length);
  try {
    const expected = readByScanner(document);
    const changed = stanzas.findIndex(({ source }, i) => source !== undefined && source !== expected[i]);
    const differences =
      changed === -1
        ? []
        : [differenceOf('scanner', stanzas[changed]!.bytes, stanzas[changed]!.source!, expected[changed]!)];
    return { document, offsets, expected, differences };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    const at = Number(error.detail['offset']);
    const refused = document.subarray(Math.max(0, at - 500), at + 500);
    const differences = [differenceOf('scanner', refused, 'accepted', error.code)];
    return { document, offsets, expected: [], differences };
  }
}

/** The document of a part of a batch. */
export function partOf({ document, offsets }: Batch, from: number, to: number): Uint8Array {
  return Buffer.concat([
    document.subarray(0, offsets[0]),
    document.subarray(offsets[from], offsets[to]),
    closing,
  ]);
}

export function differenceOf(reader: string, stanza: Uint8Array, expected: string, actual: string): Difference {
  return {
    reader,
    stanza: Buffer.from(stanza).toString().trimEnd(),
    expected: readable(expected.trimEnd()),
    actual: readable(actual.trimEnd()),
  };
} // prettier-ignore
