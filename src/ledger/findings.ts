/** What the findings of a verification mean, in words. */
import type { FindingCode } from './verify.ts';

export const findingMeanings: Readonly<Record<FindingCode, string>> = {
  malformed: 'the line is no record of a ledger',
  changed: 'the record was changed: its hash is that of other bytes',
  missing: 'records are missing',
  'out-of-order': 'the record stands after a later one, or twice',
  unchained: 'the record follows another one than when it was written: one of the two was replaced',
  'bad-signature': 'the signature does not hold for these records',
  'unknown-key': 'the checkpoint is signed with another key than the given one',
  foreign: 'the record belongs to another stream than its file',
  'missing-file': 'a file is missing, and no record says that retention removed it',
  'unsigned-end':
    'no checkpoint follows these records: the process was killed while it wrote, or they were added',
  'short-of-head': 'the stream ends earlier than it once did, or has other records at its end',
  'missing-stream': 'the stream is not here, although it is named by a later one or by --head',
};
