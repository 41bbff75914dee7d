/** Reads a file of the operator, or standard input, with a bound on its size. Devices and pipes are refused as files. */
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Bytes of the largest document, certificate bundle or key. A bundle of all public authorities has a quarter of it. */
export const fileBytesMax = 1_048_576;

/** Why a file was not read: the system's code (`ENOENT`), or its kind. */
class Unreadable extends Error {
  override readonly name = 'Unreadable';
  /** The system's code, or the kind of what is not a regular file. */
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Returns the bytes of a regular file.
 *  @param bytesMax the most that are read
 *  @throws Unreadable */
export function readRegularFile(path: string, bytesMax = fileBytesMax): Buffer {
  const file = openRegularFile(path);
  try {
    return readBounded(file, bytesMax);
  } finally {
    closeSync(file);
  }
}

/** Yields the bytes of a regular file of any size, in parts.
 *  @throws Unreadable */
export async function* streamRegularFile(path: string): AsyncGenerator<Buffer> {
  const parts = createReadStream(path, { fd: openRegularFile(path) });
  try {
    yield* parts;
  } catch (error) {
    throw unreadable(error);
  }
}

/** Opens a regular file for reading, without waiting for the writer of a pipe.
 *  @throws Unreadable */
function openRegularFile(path: string): number {
  const file = systemCall(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new Unreadable('not a regular file');
}

/** Returns the bytes of a regular file that other users may neither read nor write. Its group may read it: Kubernetes
 *  gives secrets to a process without root that way.
 *  @throws Unreadable */
export function readPrivateFile(path: string): Buffer {
  const bytes = readRegularFile(path);
  if (isOpenToAll(path)) throw new Unreadable('every user may open it: chmod 600');
  return bytes;
}

/** Returns whether users other than its owner and its group may read or write a file. */
export function isOpenToAll(path: string): boolean {
  return (statSync(path).mode & 0o006) !== 0;
}

/** How the command line names standard input, and how problems in it name their file. */
export const standardInput = { path: '-', name: '<stdin>' } as const;

/** Returns the bytes of standard input, which can be read once.
 *  @throws Unreadable */
export function readStandardInput(): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const part = Buffer.alloc(65_536);
    const read = waitingRead(part);
    if (read === 0) return Buffer.concat(parts);
    length += read;
    if (length > fileBytesMax) throw new Unreadable(`more than ${fileBytesMax} bytes`);
    parts.push(part.subarray(0, read));
  }
}

const standardInputFile = 0;
const retryMs = 10;

/** Reads from standard input, and waits where a pipe that does not block has nothing yet. */
function waitingRead(part: Buffer): number {
  for (;;) {
    try {
      return systemCall(() => readSync(standardInputFile, part, 0, part.length, null));
    } catch (error) {
      if (whyOf(error) === 'EOF') return 0;
      if (whyOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

function readBounded(file: number, bytesMax: number): Buffer {
  const buffer = Buffer.alloc(Math.min(fstatSync(file).size, bytesMax) + 1);
  let length = 0;
  for (;;) {
    const room = buffer.length - length;
    const read = room === 0 ? 0 : systemCall(() => readSync(file, buffer, length, room, null));
    length += read;
    if (read === 0) break;
  }
  if (length > bytesMax) throw new Unreadable(`more than ${bytesMax} bytes`);
  // A file that grows while it is read is read again at the next change.
  return buffer.subarray(0, length);
}

function systemCall<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return new Unreadable(typeof code === 'string' ? code : 'unknown reason');
}

/** Returns why reading failed, for a message: at most the system's code. */
export function whyOf(error: unknown): string {
  return error instanceof Unreadable ? error.code : 'unknown reason';
}
