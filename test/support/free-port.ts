import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports that no kernel gives to a connection or to a listener without a port of its own: those begin at 32,768 on
 *  Linux and at 49,152 elsewhere (RFC 6335 §6). */
const first = 20_000;
const end = 32_000;

/** Returns a port of 127.0.0.1 for a program that cannot choose a free one. Until the program listens, another process
 *  takes it only if it draws the same number.
 *  @throws Error when no free port was found in 20 attempts */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const port = randomInt(first, end);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port of ${first} to ${end - 1} in 20 attempts`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
