/** The load generator: a C program (`load/`), compiled when it is needed. One process is the clients and one the
 *  gatekeeper, both on the processor that is not measured. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { cpuMicroseconds, processors, spawnPinned, stop } from './pinned.ts';
import type { MessageShape } from './shapes.ts';

const sources = join(import.meta.dirname, 'load');

/** What one round did. */
export interface RoundResult {
  readonly roundTrips: number;
  readonly elapsedMs: number;
  /** Messages that came due while every session had one in flight. */
  readonly late: number;
  /** From sending a message to its answer, in microseconds. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

/** How long sessions took to come up: all of them, and the slowest from its connection on. */
export interface OpeningResult {
  readonly elapsedMs: number;
  readonly longestMs: number;
}

/** Certificates as files, PEM. */
export interface CredentialFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export class Load implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #server: LineProcess;
  readonly #clients: LineProcess;
  /** Port of the gatekeeper, with direct TLS. */
  readonly port: number;
  #answered = 0;

  private constructor(folder: TemporaryFolder, server: LineProcess, clients: LineProcess, port: number) {
    this.#folder = folder;
    this.#server = server;
    this.#clients = clients;
    this.port = port;
  }

  /** Compiles and starts both. @throws Error without a compiler or the headers of OpenSSL. */
  static async start({ cert, key }: CredentialFiles): Promise<Load> {
    const folder = await temporaryFolder();
    const program = join(folder.path, 'load');
    const files = readdirSync(sources).filter((file) => file.endsWith('.c'));
    const warnings = ['-Wall', '-Wextra', '-Werror'];
    execFileSync('gcc', ['-O2', ...warnings, '-o', program, ...files, '-lssl', '-lcrypto'], { cwd: sources });
    const server = new LineProcess(program, ['server', cert, key]);
    const clients = new LineProcess(program, ['clients']);
    const [, port] = (await server.next()).split(' ');
    await clients.next();
    return new Load(folder, server, clients, Number(port));
  }

  /** CPU time of both so far, in microseconds. */
  cpu(): number {
    return cpuMicroseconds(this.#server.pid) + cpuMicroseconds(this.#clients.pid);
  }

  /** From now on messages have this shape and size, in both directions. */
  async shape({ name, request, reply }: MessageShape, byteLength: number): Promise<void> {
    const file = await this.#folder.write(`${name}-request`, request);
    await this.#clients.ask(`request ${file} ${byteLength}`);
    await this.#server.ask(`reply ${await this.#folder.write(`${name}-reply`, reply)} ${byteLength}`);
  }

  /** Brings up sessions through a contender: TLS, SASL PLAIN, a bound resource, a presence.
   *  @param concurrency sessions that are on their way at once */
  async open(set: number, port: number, sessions: number, concurrency = 32): Promise<OpeningResult> {
    const answer = await this.#clients.ask(`open ${set} ${port} ${sessions} ${concurrency}`);
    const [elapsed, longest] = answer.split(' ').slice(1).map(Number) as [number, number];
    return { elapsedMs: elapsed / 1e6, longestMs: longest / 1e6 };
  }

  async close(set: number): Promise<void> {
    await this.#clients.ask(`close ${set}`);
  }

  /** One message in flight per session; `rate` round trips per second, or 0 for as many as there can be.
   *  @throws Error when messages were answered on the way. */
  async round(set: number, milliseconds: number, rate: number): Promise<RoundResult> {
    const answer = await this.#clients.ask(`run ${set} ${milliseconds} ${rate}`);
    const [roundTrips, elapsed, late, p50, p99] = answer.split(' ').slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const answered = Number((await this.#server.ask('count')).split(' ')[1]);
    if (answered - this.#answered !== roundTrips) throw new Error('not every message reached the gatekeeper');
    this.#answered = answered;
    return {
      roundTrips,
      elapsedMs: elapsed / 1e6,
      late,
      latency: { p50: p50 / 1_000, p99: p99 / 1_000 },
    };
  }

  /** Full handshakes, each closed by the client and its end waited for. */
  async handshakes(port: number, count: number, concurrency: number): Promise<void> {
    await this.#clients.ask(`handshakes ${port} ${count} ${concurrency}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#clients.stop(), this.#server.stop()]);
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** A process that answers each line with one line. */
class LineProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawnPinned(processors.load, program, args, ['pipe', 'pipe', 'inherit']);
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  ask(line: string): Promise<string> {
    this.#child.stdin!.write(`${line}\n`);
    return this.next();
  }

  /** @throws Error with what the process says when it fails. */
  async next(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('the load generator ended');
    if (value.startsWith('error')) throw new Error(`the load generator: ${value}`);
    return value;
  }

  async stop(): Promise<void> {
    await stop(this.#child);
  }
}
