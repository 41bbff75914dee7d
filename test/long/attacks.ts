import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import {
  cpuMicroseconds,
  heldBytes,
  honest,
  measured,
  ratioMax,
  ratioOf,
} from '../session/attacks/measure.ts';
import { Sender } from '../session/attacks/sender.ts';
import { honestMessage, type Shape } from '../session/attacks/shapes.ts';
import type { LongRun } from './long-run.ts';

const page = new URL('../../docs/attacks.md', import.meta.url);
/** CPU time of each measurement, in milliseconds. */
const roundMs = 10;

interface Row {
  readonly policy: string;
  readonly shape: Shape;
  readonly bytes: number;
  readonly cpuUs: number;
  readonly cpuRatio: number;
  readonly held: number;
  readonly heldRatio: number;
  readonly growth: number;
}

/** Memory before the end of a stanza is the scanner's, so it is the same under every policy. */
const heldPolicy = 'strict';
const honestConnections = 100;

/** Bytes held, measured once for each shape and once for each direction of the honest message. */
class Holding {
  readonly #known = new Map<string, number>();

  of(shape: Shape): number {
    return this.#once(`${shape.direction} ${shape.name}`, () => heldBytes(shape, heldPolicy));
  }

  honestly({ direction }: Shape): number {
    return this.#once(direction, () => heldBytes(honest(direction), heldPolicy, honestConnections));
  }

  #once(key: string, measure: () => number): number {
    const value = this.#known.get(key) ?? measure();
    this.#known.set(key, value);
    return value;
  }
}

/** Pairs of rounds, the shape and the honest message in turn, and the median of their ratios. */
export const longRun: LongRun = {
  name: 'attacks',
  summary: 'CPU and memory of hostile stanzas against an honest chat message; writes docs/attacks.md',
  unit: 'rounds for each shape',
  count: 3,
  async run({ count, progress }) {
    const rows: Row[] = [];
    const failures: string[] = [];
    const holding = new Holding();
    for (const [index, [policy, shape]] of measured.entries()) {
      progress(Math.floor((index * count) / measured.length));
      const row = measureShape(policy, shape, count, holding);
      rows.push(row);
      for (const [what, ratio] of [
        ['CPU', row.cpuRatio],
        ['memory', row.heldRatio],
      ] as const)
        if (ratio > ratioMax)
          failures.push(
            `${policy}, ${shape.direction}, ${shape.name}: ${ratio.toFixed(1)} × the ${what} of an honest message`,
          );
    }
    if (count >= longRun.count) await writeFile(page, render(rows, count));
    const worst = Math.max(...rows.map(({ cpuRatio }) => cpuRatio));
    return {
      figures: {
        shapes: rows.length,
        'largest ratio of CPU': worst.toFixed(1),
        'largest ratio of memory': Math.max(...rows.map(({ heldRatio }) => heldRatio)).toFixed(1),
      },
      failures,
    };
  },
};

function measureShape(policy: string, shape: Shape, rounds: number, holding: Holding): Row {
  const attack = new Sender(shape, policy);
  const peer = new Sender(honest(shape.direction), policy);
  for (const sender of [attack, peer]) cpuMicroseconds(sender, roundMs);
  attack.written = 0;
  const bytes = Buffer.byteLength(shape.xml(1));
  const pairs = Array.from({ length: rounds }, () => {
    const cost = cpuMicroseconds(attack, roundMs);
    return { cost, ratio: ratioOf(shape, cost, cpuMicroseconds(peer, roundMs)) };
  });
  attack.written = 0;
  attack.send(attack.next());
  const growth = attack.written / bytes;
  const { pieceBytes: _, ...whole } = shape;
  const held = holding.of(shape);
  attack.end();
  peer.end();
  return {
    policy,
    shape,
    bytes,
    cpuUs: median(pairs.map(({ cost }) => cost)),
    cpuRatio: median(pairs.map(({ ratio }) => ratio)),
    held,
    heldRatio: ratioOf(whole, held, holding.honestly(shape)),
    growth,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!;
}

function render(rows: readonly Row[], rounds: number): string {
  const lines = rows
    .toSorted((one, other) => other.cpuRatio - one.cpuRatio)
    .map(({ policy, shape, bytes, cpuUs, cpuRatio, held, heldRatio, growth }) =>
      [
        policy,
        shape.direction,
        shape.name,
        bytes,
        cpuUs.toFixed(1),
        cpuRatio.toFixed(2),
        Math.round(held),
        heldRatio.toFixed(2),
        growth.toFixed(1),
      ].join(' | '),
    );
  const date = new Date().toISOString().slice(0, 10);
  return `# Attacks

What one connection can make the proxy spend, against a chat message of ${honestMessage(1).length} bytes of an honest client. Written by
\`npm run long -- attacks\` on ${date}, Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}; \`test/session/attacks/\` has the stanzas. Each is sent through
scanner, stages and writer in one process, without TLS and sockets, in turn with the honest message; the median of ${rounds}
rounds counts. Handshakes are not part of it.

- **CPU ratio**: per byte where the stanza is larger than 1 KiB, per stanza below; per TLS record where it arrives one byte
  at a time. **Memory**: bytes held while the last byte of the stanza is missing, and the same ratio.
- **Growth**: bytes that leave in either direction, by bytes that came. Padding is bounded by
  \`limits.paddingBytesPerSecondMax\`.
- The bound is ${ratioMax}; a run that finds more fails. This one found ${rows.filter(({ cpuRatio, heldRatio }) => Math.max(cpuRatio, heldRatio) > ratioMax).length}.

| policy | direction | stanza | bytes | CPU µs | CPU ratio | held bytes | memory ratio | growth |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.map((line) => `| ${line} |`).join('\n')}
`;
}
