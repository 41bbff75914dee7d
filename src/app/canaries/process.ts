/** A proxy as a process of its own, whose output is kept and whose memory can be read. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Inspector } from '../../canaries/inspector.ts';
import { Refusal } from '../../errors/refusal.ts';

export interface ProxyProcess {
  readonly pid: number;
  /** Everything that it has written to standard output and standard error. */
  readonly printed: () => Buffer;
  /** Ports of its listeners, in the order of the configuration. */
  readonly ports: readonly number[];
  readonly adminPort: number;
  readonly inspector: Inspector;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  /** Returns the result of work that needs the proxy.
   *  @throws ProxyEnded when the proxy ends before the work */
  whileRunning<T>(work: Promise<T>): Promise<T>;
  /** Ends it; it drains first. */
  close(): Promise<void>;
}

/** A proxy has ended before it was ready, or before everything was sent through it. */
class ProxyEnded extends Refusal<'ERR_CANARY_PROXY'> {
  override readonly name = 'ProxyEnded';
}

/** Exit code or signal of a child. */
type Ending = readonly [number | null, NodeJS.Signals | null];

/** Returns what a proxy says of itself, neither its log nor what Node says of the inspector; else how it ended. */
function lastWords(chunks: readonly Buffer[], [code, signal]: Ending): string {
  const lines = Buffer.concat(chunks).toString().split('\n');
  const own = lines.filter((line) => !/^(\{|Debugger |For help, see)/.test(line));
  const ending = signal === null ? `with exit code ${code}` : `by ${signal}`;
  return own.join('\n').trim() || `the proxy has ended ${ending}`;
}

/** Arguments of Node by which a proxy is started, up to the command. */
export const shippedProgram: readonly string[] = [
  fileURLToPath(new URL('../../cli/narthex.js', import.meta.url)),
];

/** What Node prints of its inspector, with the address. */
const inspectorUrl = /^Debugger listening on (ws:\/\/\S+)\n/m;

/** Strings of a heap snapshot are cut off after so many characters. */
const snapshotStringMax = 1_000_000;

/** Longest time from the first broken connection of a process to its end, in milliseconds. */
const endingMs = 1_000;

/** Starts `narthex serve` with an inspector on loopback.
 *  @param program arguments of Node up to the command
 *  @throws ProxyEnded when the proxy does not start */
export async function startProxyProcess(file: string, program: readonly string[]): Promise<ProxyProcess> {
  const node = [
    '--inspect=127.0.0.1:0',
    // A new buffer would otherwise show what was in its memory before: what is in one has to be written to it.
    '--zero-fill-buffers',
    `--heap-snapshot-string-limit=${snapshotStringMax}`,
  ];
  const child = spawn(process.execPath, [...node, ...program, 'serve', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  // Unlike `exit`, `close` comes after the last of its output.
  const ended = once(child, 'close') as Promise<Ending & unknown[]>;
  endWithProcess(child, ended);
  const { promise: started, resolve, reject } = Promise.withResolvers<string>();
  const collect = (chunk: Buffer): void => {
    chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    // The log and the address of the inspector come by two pipes, in any order.
    if (text.includes('"proxy.started"') && inspectorUrl.test(text)) resolve(text);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.on('error', reject);
  const early = ended.then((ending): never => {
    throw new ProxyEnded('ERR_CANARY_PROXY', lastWords(chunks, ending));
  });
  // At the end of a run nothing waits for it.
  early.catch(() => {});
  const whileRunning = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await Promise.race([work, early]);
    } catch (error) {
      // The connections of a process end before it is seen to have ended.
      await Promise.race([early, sleep(endingMs, undefined, { ref: false })]);
      throw error;
    }
  };
  const text = await whileRunning(started);
  return {
    pid: child.pid!,
    printed: () => Buffer.concat(chunks),
    ports: portsOf(text, 'listener.opened'),
    adminPort: portsOf(text, 'admin.opened')[0]!,
    inspector: await Inspector.open(inspectorUrl.exec(text)![1]!),
    ended,
    whileRunning,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Kills a child at the end of this process, before other listeners of `exit` remove the files that it writes. */
function endWithProcess(child: ChildProcess, ended: Promise<unknown>): void {
  const kill = (): boolean => child.kill('SIGKILL');
  process.prependOnceListener('exit', kill);
  void ended.then(() => process.off('exit', kill));
}

function portsOf(log: string, event: string): number[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const entry = JSON.parse(line) as Record<string, unknown>;
    return entry['event'] === event ? [Number(entry['port'])] : [];
  });
}
