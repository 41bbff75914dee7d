import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The pieces in which the first flight of a client arrives, one segment each. */
export type Cut = (flight: Buffer) => readonly Uint8Array[];

/** A path to a port of this machine on which the client's first flight is cut. Everything later passes whole. */
export async function startCutter(
  port: number,
  cut: () => Cut,
  pauseMs = 0,
): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    upstream.on('data', (chunk) => void client.write(chunk));
    void forward(client, upstream, cut(), pauseMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function forward(client: Socket, upstream: Socket, cut: Cut, pauseMs: number): Promise<void> {
  for (const piece of cut(await firstFlight(client))) {
    if (upstream.destroyed) return;
    upstream.write(piece);
    // The kernel hands over each write by itself: nothing waits on loopback, and TCP_NODELAY is on.
    await new Promise((resolve) => (pauseMs === 0 ? setImmediate(resolve) : setTimeout(resolve, pauseMs)));
  }
  client.on('data', (chunk: Buffer) => void upstream.write(chunk));
  client.resume();
}

/** Whole records until they hold the whole ClientHello. */
async function firstFlight(client: Socket): Promise<Buffer> {
  let flight = Buffer.alloc(0);
  const complete = (): boolean => {
    let at = 0;
    let handshake = Buffer.alloc(0);
    while (at + 5 <= flight.length) {
      const end = at + 5 + flight.readUInt16BE(at + 3);
      if (end > flight.length) return false;
      handshake = Buffer.concat([handshake, flight.subarray(at + 5, end)]);
      at = end;
    }
    return handshake.length >= 4 && handshake.length >= 4 + handshake.readUIntBE(1, 3);
  };
  while (!complete()) {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    flight = Buffer.concat([flight, chunk]);
  }
  client.pause();
  return flight;
}

/** The same handshake message in records of at most `bytes`. */
export function inRecords(flight: Buffer, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < flight.length;) {
    const end = at + 5 + flight.readUInt16BE(at + 3);
    for (let from = at + 5; from < end; from += bytes) {
      const part = flight.subarray(from, Math.min(end, from + bytes));
      pieces.push(
        Buffer.concat([flight.subarray(at, at + 3), Buffer.of(part.length >> 8, part.length & 0xff), part]),
      );
    }
    at = end;
  }
  return Buffer.concat(pieces);
}
