/** Recordings on disk for tests. */
import { createReadStream } from 'node:fs';
import { readRecording } from '../../src/recording/read.ts';
import type {
  EndRecord,
  InForceRecord,
  RecordingHeader,
  RecordingRecord,
  SessionRecordLine,
  StanzaRecord,
} from '../../src/recording/record.ts';

const digest = 'A'.repeat(43);
const header: RecordingHeader = {
  kind: 'recording',
  format: 1,
  version: '0.1.0',
  at: 1_500_000_000_000,
  durationMsMax: 60_000,
  bytesMax: 1_000_000,
};
const inForce: InForceRecord = {
  kind: 'in-force',
  gatekeeper: 'verona',
  policy: 'balanced',
  policyDigest: digest,
  mode: 'enforce',
  catalogueDigest: digest,
};
const session: SessionRecordLine = {
  kind: 'session',
  session: 1,
  gatekeeper: 'verona',
  listener: 'clients',
  account: '',
  resource: '',
  established: false,
};
const stanza: StanzaRecord = {
  kind: 'stanza',
  session: 1,
  direction: 'to-gatekeeper',
  at: 1_500_000_000_100,
  received: 40,
  forwarded: 0,
  waited: 0,
  xml: "<message xmlns='jabber:client' to='abcdefgh@ijklmnop'/>",
};
const end: EndRecord = { kind: 'end', at: 1_500_000_060_000, reason: 'duration', stanzas: 1 };
/** One record of each kind, in an order in which they may stand. */
export const sampleRecords = [header, inForce, session, stanza, end] as const;

/** Returns every record of a file. */
export async function recordsOf(file: string): Promise<RecordingRecord[]> {
  const records: RecordingRecord[] = [];
  for await (const record of readRecording(createReadStream(file), file)) records.push(record);
  return records;
}

export function stanzasOf(records: readonly RecordingRecord[]): StanzaRecord[] {
  return records.filter((record) => record.kind === 'stanza');
}
