/** Errors of recordings that are read. */
import type { ErrorRow } from './row.ts';

export const recordingErrors = {
  ERR_RECORDING_FORMAT: {
    cause: 'A line of a recording is no record, or stands where none of its kind may stand.',
    remedy:
      'Name a file that `narthex serve --record` has written. The last line is torn where the proxy was killed: remove that line.',
    exit: 'dataError',
  },
  ERR_RECORDING_VERSION: {
    cause: 'A recording was written in a format that this version does not read.',
    remedy: 'Read it with the version of Narthex that its first line names, or record anew.',
    exit: 'dataError',
  },
  ERR_RECORDING_LINE: {
    cause: 'A line of a recording is longer than any that is written.',
    remedy: 'Name a file that `narthex serve --record` has written.',
    exit: 'dataError',
  },
  ERR_AUDIT_STREAM: {
    cause:
      'A plain XML stream that is to be audited is not read further: the proxy would refuse it, or it stops early.',
    remedy:
      'Run `narthex scan` on one stream of the file: it names the byte. A file has one direction; name the other with `--from`.',
    exit: 'dataError',
  },
  ERR_BUCKETS_NONE: {
    cause:
      'No sizes to pad to follow from a recording: it has no stanza for the audience, or every choice costs more.',
    remedy: 'Allow more with `--overhead`, or name a recording of the direction that `--audience` receives.',
    exit: 'negative',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type RecordingErrorCode = keyof typeof recordingErrors;
