import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { spawn } from 'node:child_process';
import { attack, hold, startTarget, type Cost, type Target } from '../http/attacks/attacker.ts';
import {
  baselines,
  floods,
  standingBaselines,
  standings,
  type Flood,
  type Standing,
} from '../http/attacks/floods.ts';
import type { LongRun, LongRunResult } from './long-run.ts';

const page = new URL('../../docs/attacks-http2.md', import.meta.url);

/** Connections of each flood in a round: those that the proxy does not end at a limit cost much more. */
const connectionsOf = ({ refused, answers }: Flood): number => (refused || answers === undefined ? 12 : 4);
const heldConnections = 100;
/** Bytes of a flood in a second while the latency of a stream is measured. */
const pacedBytesPerSecond = 16_000;
const echoesOfRound = 40;

interface FloodRow {
  readonly flood: Flood;
  readonly bytesPerConnection: number;
  readonly usPerByte: number;
  /** Of the costliest flood of HTTP/1.1 in the same round. */
  readonly ratio: number;
  /** Median latency of a stream under it, by that of a stream without a flood in the same round. */
  readonly latencyRatio: number;
  readonly refusedShare: number;
}

interface StandingRow {
  readonly standing: Standing;
  readonly bytes: number;
  readonly heldBytes: number;
  readonly ratio: number;
}

/** What is no attack of its own, but as many requests as a caller can send: more of them fit into a byte. */
const isPlain = ({ name }: Flood): boolean => name.startsWith('requests, ');

/** Ratio of latencies that a machine which does other work has without a flood too. */
const latencyRatioMax = 2;

/** Returns the bound of the ratios of latency: that of the worst flood of HTTP/1.1 in the same run, if it is larger. */
function latencyBound(rows: readonly FloodRow[]): number {
  const ratios = rows.filter(({ flood }) => flood.version === 'HTTP/1.1').map((row) => row.latencyRatio);
  return Math.max(latencyRatioMax, ...ratios);
}

export const longRun: LongRun = {
  name: 'http2-attacks',
  summary: 'CPU and memory of HTTP/2 attacks against floods of HTTP/1.1; writes docs/attacks-http2.md',
  unit: 'rounds for each flood',
  count: 3,
  async run({ count, progress }) {
    const { rows, held } = await runAttacks(count, progress);
    const failures = [
      ...rows
        .filter(({ flood, ratio }) => flood.version === 'HTTP/2' && !isPlain(flood) && ratio > 1)
        .map(({ flood, ratio }) => `${flood.name}: ${ratio.toFixed(2)} × the CPU of HTTP/1.1`),
      ...rows
        .filter(({ flood, latencyRatio }) => flood.version === 'HTTP/2' && latencyRatio > latencyBound(rows))
        .map(({ flood, latencyRatio }) => `${flood.name}: ${latencyRatio.toFixed(2)} × the latency`),
      ...rows
        .filter(({ flood, refusedShare }) => flood.refused && refusedShare < 1)
        .map(({ flood, refusedShare }) => `${flood.name}: ${(100 * refusedShare).toFixed(0)} % were refused`),
    ];
    if (count >= longRun.count) await writeFile(page, render(rows, held, count));
    return { figures: figuresOf(rows, held), failures };
  },
};

interface AttackRows {
  readonly rows: readonly FloodRow[];
  readonly held: readonly StandingRow[];
}

/** Runs all floods so many times, those of HTTP/1.1 in each round, and takes the median of each. */
async function runAttacks(rounds: number, progress: (done: number) => void): Promise<AttackRows> {
  const measured = new Map<Flood, Omit<FloodRow, 'flood'>[]>();
  const target = await startTarget();
  try {
    for (const flood of [...baselines, ...floods]) await attack(target, flood, 2);
    for (let round = 0; round < rounds; round += 1) {
      let worst = 0;
      for (const flood of [...baselines, ...floods]) {
        const connections = connectionsOf(flood);
        const { bytes, cpuUs, refused }: Cost = await attack(target, flood, connections);
        const usPerByte = cpuUs / bytes;
        if (flood.version === 'HTTP/1.1') worst = Math.max(worst, usPerByte);
        const latencyRatio = await latencyRatioOf(target, flood);
        const row = {
          bytesPerConnection: bytes / connections,
          usPerByte,
          ratio: usPerByte / worst,
          latencyRatio,
          refusedShare: refused / connections,
        };
        measured.set(flood, [...(measured.get(flood) ?? []), row]);
      }
      progress(round + 1);
    }
  } finally {
    await target.close();
  }
  const rows = [...measured].map(([flood, each]) => ({
    flood,
    bytesPerConnection: median(each.map((row) => row.bytesPerConnection)),
    usPerByte: median(each.map((row) => row.usPerByte)),
    ratio: median(each.map((row) => row.ratio)),
    latencyRatio: median(each.map((row) => row.latencyRatio)),
    refusedShare: median(each.map((row) => row.refusedShare)),
  }));
  return { rows, held: await holdAll() };
}

async function holdAll(): Promise<StandingRow[]> {
  const held: Omit<StandingRow, 'ratio'>[] = [];
  for (const standing of [...standingBaselines, ...standings]) {
    // A process gives little memory back, so that each has its own.
    const target = await startTarget();
    try {
      // What the first connections bring along is not measured.
      await hold(target, standing, 10);
      held.push({ standing, ...(await hold(target, standing, heldConnections)) });
    } finally {
      await target.close();
    }
  }
  const worst = Math.max(
    ...held.slice(0, standingBaselines.length).map(({ heldBytes, bytes }) => heldBytes / bytes),
  );
  return held.map((row) => ({ ...row, ratio: row.heldBytes / row.bytes / worst }));
}

async function latencyOf({ echo }: Target): Promise<number> {
  const all: number[] = [];
  for (let index = 0; index < echoesOfRound; index += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    all.push(await echo());
  }
  return median(all);
}

const flooder = new URL('../http/attacks/flooder.ts', import.meta.url).pathname;

/** Returns the median latency of a stream while a flood comes at a fixed rate from another process, by that before it. */
async function latencyRatioOf(target: Target, { version, name }: Flood): Promise<number> {
  const idle = await latencyOf(target);
  const child = spawn(
    process.execPath,
    [flooder, String(target.port), version, name, String(pacedBytesPerSecond)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  const latency = await latencyOf(target);
  child.kill();
  await once(child, 'exit');
  return latency / idle;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!;
}

function figuresOf(rows: readonly FloodRow[], held: readonly StandingRow[]): LongRunResult['figures'] {
  const attacks = rows.filter(({ flood }) => flood.version === 'HTTP/2' && !isPlain(flood));
  const most = (values: readonly number[]): string => Math.max(...values).toFixed(2);
  return {
    attacks: attacks.length,
    'largest ratio of CPU per byte': most(attacks.map(({ ratio }) => ratio)),
    'CPU per byte of plain requests': most(
      rows.filter(({ flood }) => isPlain(flood)).map(({ ratio }) => ratio),
    ),
    'largest ratio of latency': most(rows.map(({ latencyRatio }) => latencyRatio)),
    'largest ratio of memory per byte': most(held.map(({ ratio }) => ratio)),
  };
}

function render(rows: readonly FloodRow[], held: readonly StandingRow[], rounds: number): string {
  const date = new Date().toISOString().slice(0, 10);
  return `# Attacks over HTTP/2

What attackers of the public port can make a served proxy spend over HTTP/2, against floods of HTTP/1.1 in the same run. Written
by \`npm run long -- http2-attacks\` on ${date}, Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}; \`test/http/attacks/\` has the bytes. Limits are the
defaults; a connection sends one and a half times its limit, and the attacker opens the next. The median of ${rounds} rounds counts.

- **CPU**: of the process, per byte that leaves the attacker, TLS and handshakes included. The ratio is to the costliest flood of
  HTTP/1.1 in the same round. Attacks must not cost more; a run in which one does fails.
- **Latency**: the median round trip of a stanza while the flood comes from another process at ${pacedBytesPerSecond / 1_000} kB/s, by that without a flood just before. The bound is ${latencyRatioMax}, or that of\n  the worst flood of HTTP/1.1 in the same run.
- **refused**: connections that ended with an error, at the named limit.

| version | flood | bytes of a connection | CPU µs per byte | CPU ratio | latency ratio | refused |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map(({ flood, bytesPerConnection, usPerByte, ratio, latencyRatio, refusedShare }) => `| ${flood.version} | ${flood.name} | ${bytesPerConnection.toFixed(0)} | ${usPerByte.toFixed(2)} | ${ratio.toFixed(2)} | ${latencyRatio.toFixed(2)} | ${(100 * refusedShare).toFixed(0)} % |`).join('\n')}

Plain requests are no attack of their own: HPACK fits more of them into a byte, and each costs what one of HTTP/1.1 costs.

## Memory

Growth of the resident memory by ${heldConnections} connections that send this and stay, by the bytes that they sent. A hundred requests of each
connection are as many as \`http2StreamsMax\` permits.

| version | what stays | bytes of a connection | held bytes of a connection | held per byte | ratio |
| --- | --- | --- | --- | --- | --- |
${held.map(({ standing, bytes, heldBytes, ratio }) => `| ${standing.version} | ${standing.name} | ${(bytes / heldConnections).toFixed(0)} | ${(heldBytes / heldConnections).toFixed(0)} | ${(heldBytes / bytes).toFixed(1)} | ${ratio.toFixed(2)} |`).join('\n')}

Answers that may not be sent hold more per byte over HTTP/2: a request without a body, and a whole answer for it. A connection ends
when one of them waits longer than \`http2AnswerTimeoutMs\`, and \`http2StreamsTotalMax\` bounds requests in all, by default at as many as
HTTP/1.1 can hold open with \`connectionsMax\`.
`;
}
