/** Which files of a ledger were removed because of their size or age. The last one of a stream stands for all before it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Retired } from './body.ts';
import { statLedgerFiles, type LedgerFile } from './files.ts';
import { splitLines } from './lines.ts';
import { parseRecord } from './record.ts';

/** Most streams of which removed files are known; those that were written about longest ago are forgotten. */
export const retiredStreamsMax = 1_000;

/** Most streams that are read for it, those written last. Each says what was known when its process began. */
const sourcesMax = 32;

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

/** Reads which files were removed: of each stream the newest file with a whole batch says it, and files after that one.
 *  @throws the file system's error */
export async function readRetired(folder: string): Promise<readonly Retired[]> {
  const retired = new RetiredFiles();
  const known = new Set<string>();
  const files = (await statLedgerFiles(folder)).toSorted(
    (left, right) => right.modifiedAt - left.modifiedAt || right.file - left.file,
  );
  for (const file of files) {
    if (known.size === sourcesMax) break;
    if (known.has(file.stream)) continue;
    const { records, isWhole } = await readFile(folder, file);
    for (const record of records) retired.add(record);
    if (isWhole) known.add(file.stream);
  }
  return retired.records();
}

/** Reads a file. A killed process may have left a new one empty, or with a part of its first batch. */
async function readFile(
  folder: string,
  { name }: LedgerFile,
): Promise<{ readonly records: readonly Retired[]; readonly isWhole: boolean }> {
  const records: Retired[] = [];
  let isWhole = false;
  for await (const line of splitLines(createReadStream(join(folder, name)))) {
    const kind = isWhole ? /"kind":"retired"/ : /"kind":"(?:retired|checkpoint)"/;
    if (!kind.test(line) || !line.endsWith('\n')) continue;
    const parsed = parseRecord(line.slice(0, -1));
    if (parsed.kind !== 'record') continue;
    if (parsed.record.kind === 'checkpoint') isWhole = true;
    else if (parsed.record.kind === 'retired') records.push(bodyOf(parsed.record));
  }
  return { records, isWhole };
}

function bodyOf({ stream, file, lastRecord, lastHash }: Retired): Retired {
  return { kind: 'retired', stream, file, lastRecord, lastHash };
}
