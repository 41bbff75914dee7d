/** Sends floods to the public port of a process, and measures what they cost it. */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import { logInRaw, type RawClient } from '../../support/raw-client.ts';
import { startRawGatekeeper } from '../../support/raw-gatekeeper.ts';
import { serveProcess } from '../../support/serve-process.ts';
import type { Flood, Standing } from './floods.ts';

export interface Target {
  readonly port: number;
  readonly pid: number;
  /** What a load balancer sends before each connection; undefined without one. */
  readonly proxyHeader?: string | undefined;
  /** Sends a stanza through a stream of the proxy, and returns the milliseconds until it is back. */
  readonly echo: () => Promise<number>;
  /** Counts of refusals of HTTP/2 by code, so far. */
  readonly refusals: () => Promise<Record<string, number>>;
  readonly close: () => Promise<void>;
}

const domain = 'proxy.example';

/** Starts a proxy as a process, with a stream through it to a gatekeeper that sends back what it is sent. */
export async function startTarget({ behindBalancer = false } = {}): Promise<Target> {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue([domain]);
  const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    socket.on('data', (bytes: Buffer) => socket.write(bytes)).on('end', () => socket.end());
  });
  const process = await serveProcess({
    config: {
      domains: [{ domain, gatekeeper: 'test' }],
      timeouts: { drainMs: 0 },
      http: {
        host: '127.0.0.1',
        port: 0,
        publicUrl: 'https://proxy.example',
        ...(behindBalancer && { proxyProtocol: { trusted: ['127.0.0.1/32'] } }),
        limits: { connectionsPerAddressMax: 0, headersTimeoutMs: 120_000, bodyTimeoutMs: 120_000, requestTimeoutMs: 120_000 }, // prettier-ignore
      },
      provider: {
        issuer: 'https://id.provider.example',
        jwksUri: 'https://127.0.0.1:9/jwks',
        audiences: ['https://gatekeeper.example'],
      },
    },
    gatekeeper: {
      connect: { address: `127.0.0.1:${gatekeeper.port}`, tls: 'direct' },
      caFile: 'gatekeeper.crt',
      enlistment: { url: 'https://127.0.0.1:9/enlistments' },
    },
    files: { 'gatekeeper.crt': authority.certificate },
  });
  const listener = Number(process.log.find(({ event }) => event === 'listener.opened')?.['port']);
  const client = await logInRaw(listener, process.ca, { to: domain, servername: domain });
  return {
    port: process.httpPort,
    pid: process.child.pid!,
    proxyHeader: behindBalancer ? 'PROXY TCP4 198.51.100.7 192.0.2.1 40000 443\r\n' : undefined,
    echo: () => roundTrip(client),
    async refusals() {
      const answer = await fetch(`http://127.0.0.1:${process.adminPort}/metrics`);
      const rows = (await answer.text()).matchAll(
        /^narthex_http_protocol_refusals_total\{code="(\w+)"\} (\d+)/gm,
      );
      return Object.fromEntries([...rows].map(([, code, count]) => [code, Number(count)]));
    },
    async close() {
      client.socket.destroy();
      await process.stop();
      gatekeeper.close();
    },
  };
}

async function roundTrip(client: RawClient): Promise<number> {
  const started = performance.now();
  client.socket.write('<presence/>');
  await client.until('<presence', 60_000);
  client.forget();
  return performance.now() - started;
}

/** What a flood came to. */
export interface Cost {
  /** Bytes that left the attacker, with those of TLS. */
  readonly bytes: number;
  /** CPU time of the process in microseconds. */
  readonly cpuUs: number;
  /** Connections that ended with an error of HTTP/2. */
  readonly refused: number;
}

const attackersAtOnce = 4;
/** Milliseconds that a connection stays open when all was sent: where the proxy ends it, and where it need not. */
const patienceMs = { ended: 5_000, left: 300 };

/** Opens so many connections, a few at once, and sends the flood on each.
 *  @param pace called before each piece with its bytes, to wait */
export async function attack(
  { port, pid, proxyHeader }: Pick<Target, 'port' | 'pid' | 'proxyHeader'>,
  flood: Flood,
  connections: number,
  pace?: (bytes: number) => Promise<void>,
): Promise<Cost> {
  const before = cpuUsOf(pid);
  let bytes = 0;
  let refused = 0;
  let left = connections;
  const attacker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const ended = await flow({ port, proxyHeader }, flood, pace);
      bytes += ended.bytes;
      if (ended.refused) refused += 1;
    }
  };
  await Promise.all(Array.from({ length: attackersAtOnce }, attacker));
  return { bytes, cpuUs: cpuUsOf(pid) - before, refused };
}

async function flow(
  target: Pick<Target, 'port' | 'proxyHeader'>,
  flood: Flood,
  pace: ((bytes: number) => Promise<void>) | undefined,
): Promise<{ bytes: number; refused: boolean }> {
  const { tcp, socket } = await open(target, flood.version);
  const seen = new Answers();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('data', (bytes: Buffer) => seen.read(bytes));
  socket.on('end', () => socket.destroy());
  let expected = 0;
  let isFirst = true;
  for (const piece of flood.pieces()) {
    if (socket.destroyed) break;
    await pace?.(piece.length);
    if (!socket.write(piece))
      await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))]);
    if (flood.answers === undefined) continue;
    if (!isFirst) await Promise.race([closed, seen.until((expected += flood.answers))]);
    isFirst = false;
  }
  // The proxy ends what is over a limit; the sender ends the rest.
  if (flood.answers !== undefined && !flood.refused) socket.destroy();
  const isEnded = flood.refused || flood.version === 'HTTP/1.1';
  const timer = setTimeout(() => socket.destroy(), isEnded ? patienceMs.ended : patienceMs.left);
  await closed;
  clearTimeout(timer);
  return { bytes: tcp.bytesWritten, refused: seen.error };
}

async function open(
  { port, proxyHeader }: Pick<Target, 'port' | 'proxyHeader'>,
  version: Flood['version'],
): Promise<{ tcp: Socket; socket: TLSSocket }> {
  const tcp = connectTcp({ port, host: '127.0.0.1', noDelay: true });
  if (proxyHeader !== undefined) tcp.write(proxyHeader);
  const socket = connect({
    socket: tcp,
    servername: domain,
    rejectUnauthorized: false,
    ALPNProtocols: [version === 'HTTP/2' ? 'h2' : 'http/1.1'],
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  socket.on('error', () => {});
  return { tcp, socket };
}

/** Counts the streams that the proxy ends, and finds a GOAWAY with an error. */
class Answers {
  ended = 0;
  error = false;
  #unread: Buffer = Buffer.alloc(0);
  #wanted = Infinity;
  #reached = (): void => {};

  read(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    let at = 0;
    while (this.#unread.length - at >= 9) {
      const length = this.#unread.readUIntBE(at, 3);
      if (this.#unread.length - at < 9 + length) break;
      const [type, flags] = [this.#unread[at + 3]!, this.#unread[at + 4]!];
      if (((type === 0 || type === 1) && (flags & 1) !== 0) || type === 3) this.ended += 1;
      if (type === 7 && length >= 8 && this.#unread.readUInt32BE(at + 13) !== 0) this.error = true;
      at += 9 + length;
    }
    this.#unread = this.#unread.subarray(at);
    if (this.ended >= this.#wanted) this.#reached();
  }

  until(count: number): Promise<void> {
    if (this.ended >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wanted = count;
      this.#reached = resolve;
    });
  }
}

/** Opens so many connections that send something and stay, and returns the bytes sent and the growth of the process. */
export async function hold(
  { port, pid }: Pick<Target, 'port' | 'pid'>,
  { version, bytes }: Standing,
  connections: number,
): Promise<{ readonly bytes: number; readonly heldBytes: number }> {
  const before = residentBytesOf(pid);
  const opened: { tcp: Socket; socket: TLSSocket }[] = [];
  while (opened.length < connections) {
    const one = await open({ port }, version);
    one.socket.on('data', () => {});
    one.socket.write(bytes);
    opened.push(one);
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const heldBytes = residentBytesOf(pid) - before;
  const sent = opened.reduce((sum, { tcp }) => sum + tcp.bytesWritten, 0);
  for (const { socket } of opened) socket.destroy();
  return { bytes: sent, heldBytes };
}

/** Microseconds of a tick of the clock that counts CPU time (proc(5), USER_HZ). */
const tickUs = 10_000;
const pageBytes = 4_096;

function cpuUsOf(pid: number): number {
  // The name in the second field may have spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

function residentBytesOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
}
