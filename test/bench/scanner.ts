/** The scanner, and the scanner followed by the canonical writer. */
import { Parser } from '@xmpp/xml';
import { openCatalogue } from '../../src/app/files/policies.ts';
import { vocabularyOf } from '../../src/policy/compile.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner, type ScannerSink } from '../../src/stream/scanner.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { byRound, ratioOf, timeInTurns, type Samples, type Work } from './measure.ts';
import { header, messageOf, smallMessageOf } from './payload.ts';
import type { Bench, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

const workspace = new Workspace(new SimdStructure(), defaultLimits);
/** As the proxy has it: a stanza with other namespaces is read more slowly. */
const names = vocabularyOf(openCatalogue());

/** Bytes of one call: many stanzas of one size, in the chunks in which sockets deliver them. */
const batchBytes = 65_536;

export const scannerBench: Bench = {
  name: 'scanner',
  summary:
    'Finding stanzas in a stream of messages of one size, in process, against a JavaScript loop that adds up its bytes.',
  run: ({ rounds }) => [128, 1_024, 8_192].map((byteLength) => scanRow(byteLength, rounds)),
};

const quotes: Readonly<Record<string, (stanza: Buffer) => Buffer>> = {
  'normal form': (stanza) => stanza,
  'double quotes': (stanza) => Buffer.from(stanza.toString().replaceAll("'", '"')),
};

export const canonicalBench: Bench = {
  name: 'canonical',
  summary:
    'Finding stanzas and writing them in normal form, in process, against @xmpp/xml, which parses and serialises them.',
  run: ({ rounds }) =>
    [300, 780, 2_560, 8_192].flatMap((byteLength) =>
      Object.keys(quotes).map((how) => canonicalRow(byteLength, how, rounds)),
    ),
};

function scanRow(byteLength: number, rounds: number | undefined): Row {
  const batch = repeat(byteLength < 300 ? smallMessageOf(byteLength) : messageOf(byteLength));
  const [scan, loop] = timeInTurns([scanning(batch, () => 1), byteLoop(batch)], rounds) as [Samples, Samples];
  return {
    name: 'scanner',
    byteLength,
    figure: spreadOf(byRound((nanoseconds) => (batch.length / nanoseconds) * 1_000, scan)),
    unit: 'MB/s',
    ratio: ratioOf(scan, loop),
    yardstick: 'a loop over the bytes',
  };
}

function canonicalRow(byteLength: number, how: string, rounds: number | undefined): Row {
  const batch = repeat(quotes[how]!(messageOf(byteLength)));
  const writer = new CanonicalWriter(defaultLimits);
  const writing = scanning(batch, (stanza) => writer.write(stanza).length);
  const [canonical, parse] = timeInTurns([writing, parsing(batch)], rounds) as [Samples, Samples];
  const stanzas = Math.round(batch.length / byteLength);
  return {
    name: `canonical: ${how}`,
    byteLength,
    figure: spreadOf(canonical.map((nanoseconds) => nanoseconds / stanzas / 1_000)),
    unit: 'µs',
    ratio: ratioOf(canonical, parse),
    yardstick: '@xmpp/xml parse and serialise',
    aim: 0.35,
  };
}

function repeat(stanza: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.max(1, Math.floor(batchBytes / stanza.length)) }, () => stanza));
} // prettier-ignore

function scanning(batch: Uint8Array, use: (stanza: Parameters<ScannerSink['stanza']>[0]) => number): Work {
  let sum = 0;
  const scanner = new Scanner({
    names,
    limits: defaultLimits,
    workspace,
    sink: {
      header() {},
      stanza: (stanza) => {
        sum += use(stanza);
      },
      whitespace() {},
      end() {},
    },
  });
  scanner.push(Buffer.from(header));
  return () => {
    scanner.push(batch);
    return sum;
  };
} // prettier-ignore

/** As an intermediary on @xmpp/xml works: decode, build the tree, serialise it, encode. */
function parsing(batch: Buffer): Work {
  let sum = 0;
  const parser = new Parser();
  parser.on('element', (element) => {
    // As @xmpp/connection does: what was delivered is not kept by the root.
    sum += Buffer.from(element.toString()).length;
  });
  parser.write(header);
  return () => {
    parser.write(batch.toString('utf8'));
    return sum;
  };
}

function byteLoop(batch: Uint8Array): Work {
  return () => {
    let sum = 0;
    for (let i = 0; i < batch.length; i += 1) sum = (sum + batch[i]!) | 0;
    return sum;
  };
}
