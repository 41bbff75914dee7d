import { StreamError } from '../../src/stanza/error.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import type { StreamHeader } from '../../src/stream/header.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { PortableStructure } from '../../src/stream/structure/portable.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import type { Structure } from '../../src/stream/structure/structure.ts';
import { Workspace } from '../../src/stream/workspace.ts';

/** Both structural indexes: whatever is tested of the scanner holds for either. */
export const structures: readonly (readonly [name: string, create: () => Structure])[] = [
  ['simd', () => new SimdStructure()],
  ['portable', () => new PortableStructure()],
];

export const vocabulary = createVocabulary();

export interface ScanOptions {
  readonly workspace?: Workspace;
  readonly limits?: StreamLimits;
  readonly ambiguous?: 'refuse' | 'report';
}

/** What a scan came to. Everything in it must be the same for every split of the same bytes. */
export interface Outcome {
  readonly verdict: 'accept' | 'reject';
  readonly condition: string | undefined;
  readonly code: string | undefined;
  /** Where the stream was refused, else -1. */
  readonly offset: number;
  /** `header …`, `stanza …`, `end`, in order; stanzas with everything the tape says of them. */
  readonly events: readonly string[];
  /** What a relay would have passed on: the bytes of each stanza delivered. */
  readonly forwarded: readonly string[];
  /** Bytes of white space between stanzas; runs are reported as they arrive, so only the sum is comparable. */
  readonly whitespace: number;
  readonly ambiguousAt: number;
}

export function newWorkspace(structure: Structure = new SimdStructure(), limits = defaultLimits): Workspace {
  return new Workspace(structure, limits);
}

/** Scans one direction of a stream that arrives in `chunks` and then ends. */
export function scan(chunks: Iterable<Uint8Array>, options: ScanOptions = {}): Outcome {
  const {
    limits = defaultLimits,
    workspace = newWorkspace(undefined, limits),
    ambiguous = 'refuse',
  } = options;
  const events: string[] = [];
  const forwarded: string[] = [];
  let whitespace = 0;
  const scanner = new Scanner({
    names: vocabulary,
    limits,
    workspace,
    ambiguous,
    sink: {
      header: (header) => events.push(describeHeader(header)),
      stanza: (stanza) => {
        forwarded.push(Buffer.from(stanza.wire()).toString('latin1'));
        events.push(`stanza ${describeStanza(stanza)}`);
      },
      whitespace: (length) => {
        whitespace += length;
      },
      end: () => events.push('end'),
    },
  });
  try {
    for (const chunk of chunks) scanner.push(chunk);
    scanner.finish();
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    const { condition, code } = error;
    const offset = Number(error.detail['offset']);
    return { verdict: 'reject', condition, code, offset, events, forwarded, whitespace: 0, ambiguousAt: -1 };
  }
  return {
    verdict: 'accept',
    condition: undefined,
    code: undefined,
    offset: -1,
    events,
    forwarded,
    whitespace,
    ambiguousAt: scanner.ambiguousAt,
  };
}

function describeHeader({ declaration, attributes, prefix, scope }: StreamHeader): string {
  return `header ${JSON.stringify([declaration, prefix, [...attributes], [...scope.declarations], scope.lang])}`;
}

/** The stanza's bytes and its tape, which together are all that the rest of the product sees. */
function describeStanza(stanza: Stanza): string {
  return `${Buffer.from(stanza.wire()).toString('latin1')} ${stanza.tape.subarray(0, stanza.tapeLength).join()}`;
}

/** One chunk per byte. */
export function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
}
