/** What the proxy and the kernel say of its connections and its memory. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Memory } from '../../support/memory-drift.ts';
import type { ServeProcess } from '../../support/serve-process.ts';
import { eventually } from '../../support/wait.ts';

/** States in /proc/net/tcp of sockets that are no connection: TIME_WAIT, CLOSE and LISTEN. */
const noConnection = new Set(['06', '07', '0A']);

/** Returns how many connections there are to a port of 127.0.0.1, at the side that listens. Those that one side has closed and
 *  the other has not count too. */
export function connectionsAt(port: number): number {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'latin1').trimEnd().split('\n').slice(1);
  return lines.filter((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return local!.endsWith(`:${hexadecimal}`) && !noConnection.has(state!);
  }).length;
}

/** Returns how many descriptors of a process are sockets. */
export function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith('socket:');
    } catch {
      // Closed meanwhile.
      return false;
    }
  }).length;
}

/** Returns the memory of the proxy after a garbage collection.
 *  @param proxy loaded `collect-on-signal.ts` */
export async function memoryAfterCollection({ child, log }: ServeProcess): Promise<Memory> {
  const collections = () => log.filter(({ event }) => event === 'collected');
  const before = collections().length;
  child.kill('SIGUSR2');
  const { liveBytes } = await eventually(() => collections()[before], 60_000);
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))!;
  return { liveBytes: Number(liveBytes), residentBytes: Number(kibibytes) * 1_024 };
}

/** Returns metrics of the proxy, summed over their labels. */
export async function metricsOf({ adminPort }: ServeProcess): Promise<ReadonlyMap<string, number>> {
  // Without an agent no connection of this process stays.
  const page = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port: adminPort, path: '/metrics', agent: false }, (answer) => {
      text(answer).then(resolve, reject);
    }).once('error', reject);
  });
  const sums = new Map<string, number>();
  for (const [, name, value] of page.matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm))
    sums.set(name!, (sums.get(name!) ?? 0) + Number(value));
  return sums;
}
