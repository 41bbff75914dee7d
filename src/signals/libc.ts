/** The handful of C library calls that Node does not offer, through koffi: the one place that knows it. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, addressBytes: number): number;
  close(fd: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, valueBytes: number): number;
  /** `valueBytes[0]` holds the room on the way in and the length on return. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, valueBytes: Uint32Array): number;
  /** Of the last call that returned -1. */
  errno(): number;
}

/** Where koffi comes from. Tests put a failing import here. */
export type ImportKoffi = () => Promise<unknown>;

/** The calls, or undefined where they cannot be had: koffi is an optional dependency with prebuilt binaries for most
 *  platforms, and the constants that callers pass are those of Linux. */
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
