import { endianness } from 'node:os';
import type { Socket } from 'node:net';
import { parseIp } from './ip-address.ts';
import { loadLibc, type ImportKoffi, type Libc } from './libc.ts';
import { readSyn, type Syn } from './syn.ts';

/** Captures the SYN that opened a connection, and the kernel's measure of its round trip, on Linux, without privileges.
 *
 *  The option to keep SYNs must be set before the socket listens, or the first connections have none. So the socket
 *  is made here and passed to `server.listen({ fd })`. This excludes Node's round-robin cluster, whose workers never
 *  see the descriptor; several processes share a port with `reusePort`. */
export interface SynCapture {
  /** Whether the system calls are available. */
  readonly supported: boolean;
  /** Sets the option on a bound socket.
   *  @returns false where that is impossible */
  prepare(fd: number): boolean;
  /** Binds a socket, ready for `server.listen({ fd })`. */
  bind(where: ListenAddress): BoundSocket;
  /** Returns what the kernel kept for an accepted connection. The SYN can be read once: call this first,
   *  synchronously in the `connection` event. */
  read(fd: number): ConnectionCapture;
}

export interface ListenAddress {
  /** IPv4 or IPv6 address. `::` accepts IPv4 connections too. */
  readonly address: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Whether other processes may bind the same port (`SO_REUSEPORT`). Default false. */
  readonly reusePort?: boolean;
}

/** - `bound`: listen on `fd`, which the server then owns. `savesSyn` is false on kernels without the option.
 *  - `unsupported`: listen without a descriptor; no SYNs are kept.
 *  - `failed`: `errno` of the system call that failed. */
export type BoundSocket =
  | { readonly kind: 'bound'; readonly fd: number; readonly savesSyn: boolean }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'failed'; readonly errno: number };

export interface ConnectionCapture {
  readonly syn: SavedSyn;
  readonly tcp: TcpInfo | undefined;
}

/** - `syncookie`: the kernel kept none, because it answered a flood with SYN cookies.
 *  - `parse-error`: it kept something else than a SYN.
 *  - `unsupported`: it cannot be asked. */
export type SavedSyn =
  | { readonly kind: 'syn'; readonly syn: Syn }
  | { readonly kind: 'absent'; readonly reason: 'syncookie' | 'unsupported' | 'parse-error' };

/** Values of `TCP_INFO`, in microseconds. */
export interface TcpInfo {
  /** Smoothed round trip; right after accepting, the time from SYN-ACK to ACK. */
  readonly roundTripUs: number;
  readonly roundTripVarianceUs: number;
}

/** Constants of Linux, the same on every architecture that Node runs on. */
const linux = {
  inet: 2,
  inet6: 10,
  stream: 1,
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
  solSocket: 1,
  reuseAddress: 2,
  reusePort: 15,
  ipv6: 41,
  ipv6Only: 26,
  tcp: 6,
  tcpInfo: 11,
  saveSyn: 27,
  savedSyn: 28,
} as const;

/** Offset in `struct tcp_info` (linux/tcp.h), which the kernel keeps stable for user space. */
const roundTripOffset = 68;
const roundTripVarianceOffset = 72;
const tcpInfoBytes = 76;
/** Bytes of the largest SYN: IPv4 with all options has 120; IPv6 extension headers may add a few hundred. */
const savedSynBytesMax = 1024;

/** The capture of a connection whose kernel cannot be asked. */
export const nothingCaptured: ConnectionCapture = {
  syn: { kind: 'absent', reason: 'unsupported' },
  tcp: undefined,
};

const unsupported: SynCapture = {
  supported: false,
  prepare: () => false,
  bind: () => ({ kind: 'unsupported' }),
  read: () => nothingCaptured,
};

/** Loads the capture. Never rejects: without the system calls its answers are `unsupported`. */
export async function loadSynCapture(
  platform?: NodeJS.Platform,
  importKoffi?: ImportKoffi,
): Promise<SynCapture> {
  const libc = await loadLibc(platform, importKoffi);
  // Every value here is little-endian; the only big-endian Linux of Node is s390x.
  if (libc === undefined || endianness() !== 'LE') return unsupported;
  const buffer = Buffer.alloc(savedSynBytesMax);
  const length = new Uint32Array(1);
  return {
    supported: true,
    prepare: (fd) => setOption(libc, fd, linux.tcp, linux.saveSyn, 1),
    bind: (where) => bindSocket(libc, where),
    read: (fd) => ({
      syn: readSavedSyn(libc, fd, buffer, length),
      tcp: readTcpInfo(libc, fd, buffer, length),
    }),
  };
}

/** Returns the descriptor of a socket; -1 when it has none (closed, or not a socket of the system). */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  return handle?.fd ?? -1;
}

function readSavedSyn(libc: Libc, fd: number, buffer: Buffer, length: Uint32Array): SavedSyn {
  length[0] = savedSynBytesMax;
  if (fd < 0 || libc.getsockopt(fd, linux.tcp, linux.savedSyn, buffer, length) !== 0)
    return { kind: 'absent', reason: 'unsupported' };
  if (length[0] === 0) return { kind: 'absent', reason: 'syncookie' };
  const answer = readSyn(buffer.subarray(0, length[0]));
  // Erases the packet, which has a sequence number and perhaps timestamps.
  buffer.fill(0, 0, length[0]);
  return answer.kind === 'syn' ? answer : { kind: 'absent', reason: 'parse-error' };
}

function readTcpInfo(libc: Libc, fd: number, buffer: Buffer, length: Uint32Array): TcpInfo | undefined {
  length[0] = tcpInfoBytes;
  if (fd < 0 || libc.getsockopt(fd, linux.tcp, linux.tcpInfo, buffer, length) !== 0) return undefined;
  if (length[0] < tcpInfoBytes) return undefined;
  return {
    roundTripUs: buffer.readUInt32LE(roundTripOffset),
    roundTripVarianceUs: buffer.readUInt32LE(roundTripVarianceOffset),
  };
}

function bindSocket(libc: Libc, { address, port, reusePort = false }: ListenAddress): BoundSocket {
  const destination = socketAddress(address, port);
  if (destination === undefined) return { kind: 'unsupported' };
  const fd = libc.socket(destination.family, linux.stream | linux.nonBlocking | linux.closeOnExec, 0);
  if (fd < 0) return { kind: 'failed', errno: libc.errno() };
  const set = (level: number, name: number, value: number): boolean =>
    setOption(libc, fd, level, name, value);
  set(linux.solSocket, linux.reuseAddress, 1);
  const prepared =
    (!reusePort || set(linux.solSocket, linux.reusePort, 1)) &&
    (destination.family !== linux.inet6 || set(linux.ipv6, linux.ipv6Only, 0));
  if (!prepared || libc.bind(fd, destination.bytes, destination.bytes.length) !== 0) {
    const errno = libc.errno();
    libc.close(fd);
    return { kind: 'failed', errno };
  }
  return { kind: 'bound', fd, savesSyn: set(linux.tcp, linux.saveSyn, 1) };
}

/** Returns a `struct sockaddr_in` or `sockaddr_in6`; undefined for names and zones, which an ordinary listen
 *  resolves. */
function socketAddress(address: string, port: number): { family: number; bytes: Buffer } | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const family = ip.version === 4 ? linux.inet : linux.inet6;
  const bytes = Buffer.alloc(ip.version === 4 ? 16 : 28);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip.bytes, ip.version === 4 ? 4 : 8);
  return { family, bytes };
}

function setOption(libc: Libc, fd: number, level: number, name: number, value: number): boolean {
  return libc.setsockopt(fd, level, name, int32(value), 4) === 0;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
