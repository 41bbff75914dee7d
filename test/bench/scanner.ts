/** The scanner, and the scanner with the canonical writer behind it. */
import { Parser } from '@xmpp/xml';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { CanonicalWriter } from '../../src/stream/canonical.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner, type ScannerSink } from '../../src/stream/scanner.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { compare, type Contender } from './measure.ts';
import { header, messageOf, smallMessageOf } from './payload.ts';
import type { Bench, Row } from './row.ts';

const workspace = new Workspace(new SimdStructure(), defaultLimits);
const names = createVocabulary();

/** Bytes of one call: many stanzas of one size, in the chunks in which sockets deliver them. */
const batchBytes = 65_536;

export const scannerBench: Bench = {
  name: 'scanner',
  run: () => [128, 1_024, 8_192].map((byteLength) => scanRow(byteLength)),
};

export const canonicalBench: Bench = {
  name: 'scanner plus canonical write',
  run: () =>
    [300, 780, 2_560, 8_192].flatMap((byteLength) => [
      canonicalRow(byteLength, 'normal form', (stanza) => stanza),
      canonicalRow(byteLength, 'double quotes', (stanza) => Buffer.from(stanza.toString().replaceAll("'", '"'))),
    ]),
}; // prettier-ignore

function scanRow(byteLength: number): Row {
  const batch = repeat(byteLength < 300 ? smallMessageOf(byteLength) : messageOf(byteLength));
  const { nanoseconds } = compare([scanning(batch, () => 1), byteLoop(batch)]);
  const [scan, loop] = nanoseconds as [number, number];
  return {
    name: 'scanner',
    byteLength,
    figure: `${((batch.length / scan) * 1_000).toFixed(0)} MB/s`,
    ratio: scan / loop,
    yardstick: 'a loop over the bytes',
  };
}

function canonicalRow(byteLength: number, how: string, rewrite: (stanza: Buffer) => Buffer): Row {
  const batch = repeat(rewrite(messageOf(byteLength)));
  const writer = new CanonicalWriter(defaultLimits);
  const { nanoseconds } = compare([scanning(batch, (stanza) => writer.write(stanza).length), parsing(batch)]);
  const [canonical, parse] = nanoseconds as [number, number];
  const stanzas = batch.length / byteLength;
  return {
    name: `scanner plus canonical write, ${how}`,
    byteLength,
    figure: `${(canonical / stanzas / 1_000).toFixed(2)} µs`,
    ratio: canonical / parse,
    yardstick: '@xmpp/xml parse and serialise',
    aim: 0.25,
  };
}

function repeat(stanza: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.max(1, Math.floor(batchBytes / stanza.length)) }, () => stanza));
} // prettier-ignore

function scanning(batch: Uint8Array, use: (stanza: Parameters<ScannerSink['stanza']>[0]) => number): Contender {
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
function parsing(batch: Buffer): Contender {
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

function byteLoop(batch: Uint8Array): Contender {
  return () => {
    let sum = 0;
    for (let i = 0; i < batch.length; i += 1) sum = (sum + batch[i]!) | 0;
    return sum;
  };
}
