/** Downloads of 2 GiB through the proxy, whose memory stays where it was; continuous integration has 512 MiB. */
import { runOfFiles } from './suite.ts';

export const longRun = runOfFiles(
  {
    name: 'media-memory',
    summary: 'downloads of 2 GiB by sealed address and by reference, and the memory they take',
    unit: 'rounds',
  },
  {
    files: ['test/system/media-memory.test.ts'],
    environment: { MEDIA_BYTES: String(2 * 1024 ** 3) },
  },
);
