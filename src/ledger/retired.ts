/** Which files of a ledger were removed because of their size or age. The last one of a stream stands for all before it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Retired } from './body.ts';
import { listLedgerFiles, type LedgerFile } from './files.ts';
import { splitLines } from './lines.ts';
import { parseRecord } from './record.ts';

/** Most streams of which removed files are known; those that were written about longest ago are forgotten. */
export const retiredStreamsMax = 1_000;

export class RetiredFiles {
  /** The last file of each stream, the latest written last. */
  readonly #last = new Map<string, Retired>();

  constructor(known: readonly Retired[] = []) {
    for (const each of known) this.add(each);
  }

  add(record: Retired): void {
    const known = this.#last.get(record.stream);
    if (known !== undefined && known.file > record.file) return;
    this.#last.delete(record.stream);
    this.#last.set(record.stream, record);
    if (this.#last.size > retiredStreamsMax) this.#last.delete(this.#last.keys().next().value!);
  }

  records(): readonly Retired[] {
    return [...this.#last.values()];
  }
}

/** Reads which files were removed: the newest file of each stream says it.
 *  @throws the file system's error */
export async function readRetired(folder: string): Promise<readonly Retired[]> {
  const newest = new Map<string, LedgerFile>();
  for (const file of await listLedgerFiles(folder)) newest.set(file.stream, file);
  const retired = new RetiredFiles();
  for (const { name } of newest.values()) {
    for await (const line of splitLines(createReadStream(join(folder, name)))) {
      if (!line.includes('"kind":"retired"') || !line.endsWith('\n')) continue;
      const parsed = parseRecord(line.slice(0, -1));
      if (parsed.kind === 'record' && parsed.record.kind === 'retired') retired.add(bodyOf(parsed.record));
    }
  }
  return retired.records();
}

function bodyOf({ stream, file, lastRecord, lastHash }: Retired): Retired {
  return { kind: 'retired', stream, file, lastRecord, lastHash };
}
