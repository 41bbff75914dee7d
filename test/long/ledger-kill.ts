/** `npm run long -- ledger-kill`: processes that write a ledger are killed at random moments. What a process said was on disk
 *  must be there, and the next process must name its end, so that nothing but that end is in doubt. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLedger, type ReadLedger } from '../../src/app/tools/ledger.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const writer = join(import.meta.dirname, '../support/ledger-process.ts');

/** Kills in one folder before it is read as a whole. */
const killsPerFolder = 8;

/** Longest time from the first interval on disk to the kill. */
const lifeMsMax = 60;

/** How a process writes: the size of a file and of all files, and the rows of an interval. */
interface Shape {
  readonly fileBytes: number;
  readonly keepBytes: number;
  readonly rows: number;
}

/** What a process said last. */
interface Said {
  readonly stream: string;
  /** The last record that it said is on disk. */
  readonly n: number;
  /** Decisions that it said are on record. */
  readonly count: number;
}

interface Scene {
  readonly folder: string;
  readonly keyFile: string;
  readonly publicFile: string;
  readonly shape: Shape;
}

/** Runs a process until it is killed, or to its end. @param lifeMs undefined to let it end */
async function run({ folder, keyFile, shape }: Scene, lifeMs: number | undefined): Promise<Said> {
  const sizes = [shape.fileBytes, shape.keepBytes, shape.rows].map(String);
  const end = lifeMs === undefined ? ['--end', '2'] : [];
  const child = spawn(process.execPath, [writer, folder, keyFile, ...sizes, ...end], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(child, 'close');
  if (lifeMs !== undefined) {
    await Promise.race([once(child.stdout, 'data'), ended]);
    await sleep(lifeMs);
    child.kill('SIGKILL');
  }
  const [code] = (await ended) as [number | null];
  if (lifeMs === undefined && code !== 0) throw new Error(`the writer ended with ${code}`);
  const last = text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1)!;
  const [stream = '', n = '0', count = '0'] = last.split(' ');
  return { stream, n: Number(n), count: Number(count) };
}

function read({ folder, publicFile }: Scene): Promise<ReadLedger> {
  const range = { from: 0, to: Infinity };
  return readLedger({ folder, keyFile: publicFile, summaries: [{ range }] });
}

/** Kills processes in one folder, and lets a last one end in order. */
class Folder {
  readonly #scene: Scene;
  readonly #said: Said[] = [];
  readonly failures: string[] = [];
  tornBytes = 0;
  records = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async kill(lifeMs: number): Promise<void> {
    const said = await run(this.#scene, lifeMs);
    this.#said.push(said);
    const { verification } = await read(this.#scene);
    for (const { code, stream } of verification.findings)
      if (code !== 'unsigned-end' || stream !== said.stream) this.#fail(`${code} in ${stream}`);
    const found = verification.streams.find(({ stream }) => stream === said.stream);
    if (found === undefined || found.last.n < said.n)
      this.#fail(`record ${said.n} was on disk, and ${found?.last.n ?? 'no stream'} is there`);
    this.tornBytes += found?.tornBytes ?? 0;
  }

  async end(): Promise<void> {
    this.#said.push(await run(this.#scene, undefined));
    const { verification, summaries } = await read(this.#scene);
    for (const { code, stream } of verification.findings)
      this.#fail(`${code} in ${stream} after the next start`);
    this.records += verification.streams.reduce((sum, { records }) => sum + records, 0);
    if (this.#scene.shape.keepBytes < keepEverything) return;
    const counted = summaries[0]!.rows.reduce((sum, { count }) => sum + count, 0);
    const said = this.#said.reduce((sum, { count }) => sum + count, 0);
    // A killed process may have written one interval more than it could say.
    const more = (this.#said.length - 1) * this.#scene.shape.rows;
    if (counted < said || counted > said + more) this.#fail(`${counted} decisions on record, ${said} said`);
  }

  #fail(what: string): void {
    const { fileBytes, keepBytes, rows } = this.#scene.shape;
    this.failures.push(`${what} (files of ${fileBytes}, ${keepBytes} kept, ${rows} rows)`);
  }
}

const keepEverything = Number.MAX_SAFE_INTEGER;

function shapeOf(random: Random): Shape {
  return {
    fileBytes: random.pick([2_000, 20_000, 1_000_000]),
    keepBytes: random.pick([keepEverything, keepEverything, 60_000]),
    rows: random.pick([1, 20, 1_500]),
  };
}

async function openScene(home: TemporaryFolder, name: string, shape: Shape): Promise<Scene> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const folder = join(home.path, name);
  await mkdir(folder);
  return {
    folder,
    keyFile: await home.write(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    publicFile: await home.write(`${name}.pub`, publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    shape,
  };
}

/** Kills `count` processes. */
export async function runLedgerKill({ count, seed, progress }: LongRunRequest): Promise<LongRunResult> {
  await using home = await temporaryFolder();
  const random = new Random(seed);
  const failures: string[] = [];
  const figures = { kills: 0, 'unfinished lines, in bytes': 0, 'records read': 0 };
  while (figures.kills < count) {
    const scene = await openScene(home, `ledger-${figures.kills}`, shapeOf(random));
    const folder = new Folder(scene);
    for (let kill = 0; kill < killsPerFolder && figures.kills < count; kill += 1) {
      await folder.kill(random.below(lifeMsMax));
      progress((figures.kills += 1));
    }
    await folder.end();
    figures['unfinished lines, in bytes'] += folder.tornBytes;
    figures['records read'] += folder.records;
    failures.push(...folder.failures);
  }
  return { figures, failures };
}

export const longRun: LongRun = {
  name: 'ledger-kill',
  summary: 'kill -9 of processes that write a ledger, at random moments',
  unit: 'kills',
  count: 2_000,
  run: runLedgerKill,
};
