/** Finds ports for programs that must know theirs before they listen. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { host as loopback } from '../../simulator/story/cast.ts';

/** Ports that no kernel gives to a connection or to a listener without a port of its own: those begin at 32,768 on
 *  Linux and at 49,152 elsewhere (RFC 6335 §6). */
const first = 20_000;
const end = 32_000;
const attemptsMax = 20;

/** Returns a free port of an address. Until the program listens, another process takes it only if it draws the same number.
 *  @param taken ports that are not returned, though they are free
 *  @throws Error when no free port was found in 20 attempts */
export async function freePort(host: string = loopback, taken: readonly number[] = []): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(first, end);
    if (!taken.includes(port) && (await isFree(port, host))) return port;
  }
  throw new Error(`no free port of ${first} to ${end - 1} in ${attemptsMax} attempts`);
}

/** Returns so many free ports of an address, each another.
 *  @throws Error as `freePort` */
export async function freePorts(count: number, host: string = loopback): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(host, ports));
  return ports;
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
