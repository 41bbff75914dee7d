/** Reads the memory of another process by `/proc/PID/mem` (Linux, proc(5)): every page that it can write and that is
 *  present, so also what was freed and not written to since. The reader must be allowed to trace the process. */
import { open, readFile, type FileHandle } from 'node:fs/promises';

const pageBytes = 4_096;
/** Bytes of an entry of `/proc/PID/pagemap`; its highest two bits say whether the page is in memory or swapped out. */
const entryBytes = 8;
const presentBits = 0xc0;
/** Bytes that are read at once. */
const pieceBytes = 16 * 1024 * 1024;

/** Yields pieces of the memory. Consecutive pieces of a range overlap.
 *  @param overlapBytes bytes that are in two pieces
 *  @throws the system's error where the process cannot be read */
export async function* writableMemory(pid: number, overlapBytes: number): AsyncIterable<Buffer> {
  const mappings = parseMappings(await readFile(`/proc/${pid}/maps`, 'utf8'));
  const [memory, pagemap] = await Promise.all([open(`/proc/${pid}/mem`), open(`/proc/${pid}/pagemap`)]);
  try {
    for (const mapping of mappings)
      for (const { start, end } of await presentRanges(pagemap, mapping))
        for (let at = start; at < end; at += pieceBytes) {
          const piece = await readAt(memory, at, Math.min(pieceBytes + overlapBytes, end - at));
          if (piece.length > 0) yield piece;
        }
  } finally {
    await Promise.all([memory.close(), pagemap.close()]);
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Returns the ranges of a mapping whose pages are present. */
async function presentRanges(pagemap: FileHandle, { start, end }: Range): Promise<Range[]> {
  const entries = await readAt(
    pagemap,
    (start / pageBytes) * entryBytes,
    ((end - start) / pageBytes) * entryBytes,
  );
  const ranges: { start: number; end: number }[] = [];
  for (let entry = 0; entry < entries.length / entryBytes; entry += 1) {
    if ((entries[entry * entryBytes + entryBytes - 1]! & presentBits) === 0) continue;
    const at = start + entry * pageBytes;
    const last = ranges.at(-1);
    if (last?.end === at) last.end += pageBytes;
    else ranges.push({ start: at, end: at + pageBytes });
  }
  return ranges;
}

/** Returns the bytes at an offset; fewer where the mapping has ended meanwhile. */
async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await file.read(bytes, 0, length, BigInt(at)).catch(unreadable);
  return bytes.subarray(0, bytesRead);
}

/** @throws the error, unless it says that there is no memory */
function unreadable(error: NodeJS.ErrnoException): { readonly bytesRead: 0 } {
  if (error.code === 'EIO' || error.code === 'EFAULT') return { bytesRead: 0 };
  throw error;
}

/** Returns the mappings of `/proc/PID/maps` that are private and writable, without those of devices. */
export function parseMappings(text: string): readonly Range[] {
  return text.split('\n').flatMap((line) => {
    const [, start, end, path] = /^([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    if (start === undefined || path!.startsWith('/dev/')) return [];
    return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end!, 16) }];
  });
}
