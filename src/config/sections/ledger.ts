/** `ledger`: the record of what each audience was shown. */
import { z } from 'zod';
import { bound, file, milliseconds } from '../values.ts';

const dayMs = 86_400_000;
const mebibyte = 1_048_576;

export const ledger = z
  .strictObject({
    recordsFolder: z
      .string()
      .min(1)
      .max(4_096)
      .describe('Folder that the ledger is written to, on a volume that outlives the process.'),
    keyFile: file.describe(
      'Key that checkpoints are signed with: Ed25519 in PEM form (openssl genpkey -algorithm ed25519). It is read at ' +
        'the start only. Auditors get its public key.',
    ),
    intervalMs: milliseconds(60_000, 1_000, 'Time that one record of counts covers.', 3_600_000),
    fileBytesMax: bound(16 * mebibyte, 65_536, 1_024 * mebibyte, 'Bytes after which the next file begins.'),
    fileAgeMsMax: milliseconds(dayMs, 60_000, 'Time after which the next file begins.', 30 * dayMs),
    keepBytesMax: bound(
      1_024 * mebibyte,
      65_536,
      1_048_576 * mebibyte,
      'Bytes of all files of the folder; older files are removed.',
    ),
    keepMsMax: milliseconds(400 * dayMs, 3_600_000, 'Time after which a file is removed.', 4_000 * dayMs),
    whenItFails: z
      .enum(['continue-and-alarm', 'refuse-new-sessions'])
      .default('continue-and-alarm')
      .describe(
        'What happens while the ledger cannot be written, on a full disk for example. Counts are kept in memory and ' +
          'written afterwards in either case.',
      ),
  })
  .describe(
    'A hash-chained and signed record of which field appeared to which audience, how often and under which policy. It ' +
      'has counts only: no value, address or identifier.',
  );
