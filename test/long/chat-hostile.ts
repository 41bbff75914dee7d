import { setImmediate } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { Decoder } from '../../src/chat/decoder.ts';
import { ChatError } from '../../src/chat/error.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { NodeGenerator } from '../chat/node-generator.ts';
import { Random } from '../support/random.ts';
import type { LongRun } from './long-run.ts';

/** Bytes that memory may grow by over a whole run. */
const growthBytesMax = 64 * 1024 * 1024;
/** Twice the input may take this many times as long; medians, so that a busy machine does not decide. */
const doublingMax = 3;

/** Frames that are changed, random or as expensive as can be, through the decoder. */
export const longRun: LongRun = {
  name: 'chat-hostile',
  summary: 'changed, random and expensive frames through the chat channel’s decoder',
  unit: 'frames',
  count: 500_000,
  async run({ count, seed, progress }) {
    const random = new Random(seed);
    const decoder = new Decoder({ limits: defaultChatLimits, interopServer: 'either' });
    const frames = new HostileFrames(random);
    const failures: string[] = [];
    const codes = new Map<string, number>();
    let before = 0;
    for (let done = 0; done < count; done += 1) {
      progress(done);
      // As between two reads of a socket: zlib lets go of what a refused frame held.
      if (done % 64 === 0) await setImmediate();
      // The first tenth warms up the compiler and the heap.
      if (done === Math.floor(count / 10)) {
        globalThis.gc?.();
        before = process.memoryUsage().rss;
      }
      const frame = frames.next();
      const outcome = outcomeOf(decoder, frame);
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
      if (!/^(accepted|ERR_CHAT_[A-Z0-9_]+)$/.test(outcome))
        failures.push(`${outcome}: ${frame.toString('hex').slice(0, 400)}`);
    }
    globalThis.gc?.();
    const growth = process.memoryUsage().rss - before;
    if (growth > growthBytesMax) failures.push(`memory grew by ${growth} bytes`);
    const doubling = doublings(decoder);
    for (const [shape, ratio] of Object.entries(doubling))
      if (ratio > doublingMax)
        failures.push(`${shape}: twice the bytes take ${ratio.toFixed(2)} times as long`);
    const ratios = Object.entries(doubling).map(([shape, ratio]) => [`doubling: ${shape}`, ratio.toFixed(2)]);
    return {
      figures: {
        ...Object.fromEntries([...codes].toSorted(([, one], [, other]) => other - one)),
        'memory growth in MiB': (growth / 1048576).toFixed(1),
        ...(Object.fromEntries(ratios) as Record<string, string>),
      },
      failures,
    };
  },
};

/** `accepted`, a code, or the class of an error that must not be. */
function outcomeOf(decoder: Decoder, frame: Buffer): string {
  try {
    decoder.decode(frame);
    return 'accepted';
  } catch (error) {
    return error instanceof ChatError ? error.code : `${(error as Error).name}: ${(error as Error).message}`;
  }
}

class HostileFrames {
  readonly #random: Random;
  readonly #honest: Buffer[];

  constructor(random: Random) {
    this.#random = random;
    const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });
    const generator = new NodeGenerator(random, { kinds: 'all', depthMax: 3 });
    this.#honest = Array.from({ length: 500 }, () =>
      Buffer.from(codec.encode(JSON.stringify(generator.node()), 'json'), 'hex'),
    );
  }

  next(): Buffer {
    const random = this.#random;
    if (random.once(4)) return this.#arbitrary();
    const frame = Buffer.from(random.pick(this.#honest));
    for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
      const at = random.below(frame.length);
      if (random.once(2)) frame[at] = random.below(256);
      else frame[at] = frame[at]! ^ (1 << random.below(8));
    }
    if (random.once(8)) return frame.subarray(0, random.below(frame.length));
    return random.once(10) ? Buffer.concat([Buffer.from([2]), deflateSync(frame.subarray(1))]) : frame;
  }

  /** Bytes that are mostly lists, tokens and lengths. */
  #arbitrary(): Buffer {
    const random = this.#random;
    return Buffer.from([
      random.once(20) ? random.below(256) : 0,
      ...Array.from({ length: random.below(60) }, () =>
        random.once(2) ? random.below(24) : 236 + random.below(20),
      ),
    ]);
  }
}

/** Shapes that cost most per byte, by how many of them. */
const shapes: Readonly<Record<string, (count: number) => Buffer>> = {
  'small nodes': (count) =>
    Buffer.concat([
      Buffer.from([0, 0xf8, 2, 19, 0xf9, count >> 8, count & 255]),
      repeat([0xf8, 1, 19], count),
    ]),
  'marked tags': (count) =>
    Buffer.concat([
      Buffer.from([0, 0xf8, 2, 19, 0xf9, count >> 8, count & 255]),
      repeat([0xf8, 1, 0xfc, 1, 1], count),
    ]),
  'attributes of every node': (count) =>
    Buffer.concat([
      Buffer.from([0, 0xf8, 2, 19, 0xf9, (count / 16) >> 8, (count / 16) & 255]),
      repeat([0xf8, 33, 19, ...Array.from({ length: 16 }, (_, index) => [index + 3, 8]).flat()], count / 16),
    ]),
  'a long value': (count) =>
    Buffer.concat([
      Buffer.from([0, 0xf8, 3, 19, 8, 0xfd, 0, count >> 8, count & 255]),
      Buffer.alloc(count, '&'),
    ]),
  'bytes of content': (count) =>
    Buffer.concat([Buffer.from([0, 0xf8, 2, 19, 0xfe]), uint32(count * 64), Buffer.alloc(count * 64)]),
};

function repeat(bytes: readonly number[], count: number): Buffer {
  return Buffer.alloc(bytes.length * count, Buffer.from(bytes));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** For each shape, how many times as long twice the bytes take. */
function doublings(decoder: Decoder): Record<string, number> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const [once, twice] = [shape(3200), shape(6400)];
      const ratios = Array.from({ length: 41 }, () => cpuTime(decoder, twice) / cpuTime(decoder, once));
      return [name, ratios.toSorted((one, other) => one - other)[20]!];
    }),
  );
}

function cpuTime(decoder: Decoder, frame: Buffer): number {
  const from = process.cpuUsage();
  for (let run = 0; run < 8; run += 1) decoder.decode(frame);
  const { user, system } = process.cpuUsage(from);
  return user + system;
}
