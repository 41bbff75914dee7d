/** C library calls that Node lacks, through koffi. The only file that uses koffi. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, addressBytes: number): number;
  close(fd: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, valueBytes: number): number;
  /** Reads a socket option. `valueBytes[0]` is the size of `value` before the call, and the length of the option
   *  after it. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, valueBytes: Uint32Array): number;
  /** Returns the error of the last call that returned -1. */
  errno(): number;
}

/** Imports koffi. Tests pass a failing import. */
export type ImportKoffi = () => Promise<unknown>;

/** Returns the calls; undefined where they are unavailable. koffi is an optional dependency with prebuilt binaries
 *  for most platforms, and callers pass constants of Linux. */
export async function loadLibc(
  platform: NodeJS.Platform = process.platform,
  importKoffi: ImportKoffi = () => import('koffi'),
): Promise<Libc | undefined> {
  if (platform !== 'linux') return undefined;
  try {
    const { default: koffi } = (await importKoffi()) as typeof import('koffi');
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int, int, int)') as Libc['socket'],
      bind: library.func('int bind(int, const void *, uint32_t)') as Libc['bind'],
      close: library.func('int close(int)') as Libc['close'],
      setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)') as Libc['setsockopt'],
      getsockopt: library.func('int getsockopt(int, int, int, void *, void *)') as Libc['getsockopt'],
      errno: () => koffi.errno(),
    };
  } catch {
    return undefined;
  }
}
