/** Sockets below Node, through the optional koffi: bound but not listening, listening but never accepting, and their
 *  options. */
import type { Socket } from 'node:net';
import { loadLibc } from '../../src/signals/libc.ts';
import { descriptorOf } from '../../src/signals/saved-syn.ts';

/** A TCP socket on 127.0.0.1. The descriptor belongs to the caller. */
export interface Descriptor {
  readonly fd: number;
  readonly port: number;
  close(): void;
}

/** A socket that is bound and does not listen; undefined without koffi. */
export async function boundDescriptor(): Promise<Descriptor | undefined> {
  return open(undefined);
}

/** A socket that listens with this backlog and never accepts: once the backlog is full, connecting hangs. */
export async function deafListener(backlog: number): Promise<Descriptor | undefined> {
  return open(backlog);
}

/** Whether a socket sends each write at once (TCP_NODELAY). With Nagle's algorithm a write waits for the
 *  acknowledgement of the one before, which the peer may delay by 40 ms. Undefined without koffi. */
export async function sendsAtOnce(socket: Socket): Promise<boolean | undefined> {
  const libc = await loadLibc();
  if (libc === undefined) return undefined;
  const value = Buffer.alloc(4);
  if (libc.getsockopt(descriptorOf(socket), 6, 1, value, Uint32Array.of(4)) !== 0)
    throw new Error(`getsockopt: error ${libc.errno()}`);
  return value.readInt32LE() !== 0;
}

async function open(backlog: number | undefined): Promise<Descriptor | undefined> {
  const koffi = await import('koffi').catch(() => undefined);
  if (koffi === undefined) return undefined;
  const libc = koffi.default.load('libc.so.6');
  const call = (signature: string) => libc.func(signature) as (...args: unknown[]) => number;
  const fd = call('int socket(int, int, int)')(2, 1, 0);
  const address = Buffer.from([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (call('int bind(int, uint8_t *, unsigned int)')(fd, address, address.length) !== 0)
    throw new Error('bind failed');
  const length = Buffer.from([16, 0, 0, 0]);
  call('int getsockname(int, _Inout_ uint8_t *, _Inout_ uint8_t *)')(fd, address, length);
  if (backlog !== undefined) call('int listen(int, int)')(fd, backlog);
  return { fd, port: address.readUInt16BE(2), close: () => void call('int close(int)')(fd) };
}
