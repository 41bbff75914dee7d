/** Recordings on disk for tests. */
import { createReadStream } from 'node:fs';
import { readRecording } from '../../src/recording/read.ts';
import type { RecordingRecord, StanzaRecord } from '../../src/recording/record.ts';

/** Returns every record of a file. */
export async function recordsOf(file: string): Promise<RecordingRecord[]> {
  const records: RecordingRecord[] = [];
  for await (const record of readRecording(createReadStream(file), file)) records.push(record);
  return records;
}

export function stanzasOf(records: readonly RecordingRecord[]): StanzaRecord[] {
  return records.filter((record) => record.kind === 'stanza');
}
