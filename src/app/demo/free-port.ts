/** Finds ports for programs that must know theirs before they listen. */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { host as loopback } from '../../simulator/story/cast.ts';

/** Ports that no kernel gives to a connection or to a listener without a port of its own: those begin at 32,768 on
 *  Linux and at 49,152 elsewhere (RFC 6335 §6). */
const first = 20_000;
const end = 32_000;
const attemptsMax = 20;

/** UDP sockets at the numbers of the TCP ports that this process was given, oldest first: until the program listens, they
 *  keep another caller, in any process, from the same number. The kernel closes them when the process ends. */
const reservations: Socket[] = [];
const reservationsMax = 1_000;

/** Returns a free TCP port of an address, which `freePort` gives to no process again until this one ends or was given a
 *  thousand others.
 *  @throws Error when no free port was found in 20 attempts */
export async function freePort(host: string = loopback): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(first, end);
    const reservation = await reserve(port, host);
    if (reservation === undefined) continue;
    if (await isFree(port, host)) {
      reservations.push(reservation);
      if (reservations.length > reservationsMax) reservations.shift()!.close();
      return port;
    }
    reservation.close();
  }
  throw new Error(`no free port of ${first} to ${end - 1} in ${attemptsMax} attempts`);
}

/** Returns so many free ports of an address, each another.
 *  @throws Error as `freePort` */
export async function freePorts(count: number, host: string = loopback): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(host));
  return ports;
}

/** Returns a socket that holds the UDP port of this number; undefined where another holds it. */
async function reserve(port: number, host: string): Promise<Socket | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ port, address: host, exclusive: true });
    await once(socket, 'listening');
  } catch {
    socket.close();
    return undefined;
  }
  return socket.unref();
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
