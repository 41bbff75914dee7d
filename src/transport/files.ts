/** Watches files that change while the process runs: certificates, keys, authorities. */
import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

/** Times of a watch. */
export interface WatchOptions {
  /** Milliseconds from the first event of a change to reading: a certificate and its key are two writes. Default
   *  250. */
  readonly settleMs?: number;
  /** Milliseconds between two readings without any event: not every file system reports changes. Default 30 000. */
  readonly pollMs?: number;
}

/** A running watch. */
export interface FileWatch {
  close(): void;
}

/** Calls `refresh` when one of the files may have changed, and at every poll. The caller finds out whether one did.
 *
 *  Directories are watched, not files: a rewrite by rename replaces a watched file, and Kubernetes swaps a `..data`
 *  symbolic link in the folder that it mounts. Further events do not prolong the wait, so a busy directory cannot
 *  delay the call. Where watching fails, or a directory is replaced, polling remains. Does not keep the process
 *  alive. */
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
    // No inotify watches are left, or the file system has none: polling remains.
    return [];
  }
}
