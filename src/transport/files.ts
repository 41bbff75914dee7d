/** Files that change while the process runs: certificates, keys, authorities. */
import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

/** When to read files again. */
export interface WatchOptions {
  /** From the first sign of a change to reading, in milliseconds: a certificate and its key are two writes.
   *  Default 250. */
  readonly settleMs?: number;
  /** Between two readings without any sign, in milliseconds: not every file system tells. Default 30 000. */
  readonly pollMs?: number;
}

/** A running watch. */
export interface FileWatch {
  close(): void;
}

/** Calls `refresh` when one of the files may have changed, and at every poll. Whether something really changed,
 *  the caller finds by reading.
 *
 *  Directories are watched, not files: a rewrite by rename puts another file in a watched one's place, and
 *  Kubernetes swaps a `..data` symbolic link in the folder that it mounts. A busy directory cannot put the call
 *  off, since further signs do not prolong the wait. Where watching fails, or a directory is itself replaced,
 *  polling remains. Keeps no process alive. */
export function watchFiles(paths: readonly string[], refresh: () => void, options: WatchOptions): FileWatch {
  const { settleMs = 250, pollMs = 30_000 } = options;
  let settling: NodeJS.Timeout | undefined;
  const sign = (): void => {
    settling ??= setTimeout(() => {
      settling = undefined;
      refresh();
    }, settleMs).unref();
  };
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((folder) =>
    watchFolder(folder, sign),
  );
  const polling = setInterval(refresh, pollMs).unref();
  return {
    close() {
      for (const watcher of watchers) watcher.close();
      clearInterval(polling);
      clearTimeout(settling);
    },
  };
}

function watchFolder(folder: string, sign: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, sign);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    // No inotify watches left, or a file system without them: polling remains.
    return [];
  }
}
