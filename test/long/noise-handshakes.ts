import { aesGcm } from '../../src/noise/cipher.ts';
import { xx } from '../../src/noise/pattern.ts';
import { handshake, loadNoise } from '../noise/noise-c.ts';
import type { LongRun } from './long-run.ts';

/** Handshakes of our initiator with noise-c as responder. Keys are random: a seed has no effect. */
export const longRun: LongRun = {
  name: 'noise-handshakes',
  summary: 'our Noise initiator with noise-c as responder, XX and AESGCM',
  unit: 'handshakes',
  count: 1000,
  async run({ count, progress }) {
    const noise = await loadNoise();
    const failures: string[] = [];
    for (let done = 0; done < count; done += 1) {
      progress(done);
      try {
        handshake(noise, { pattern: xx, cipher: aesGcm, role: 'initiator' });
      } catch (error) {
        failures.push(`handshake ${done}: ${(error as Error).message}`);
      }
    }
    return { figures: { handshakes: count - failures.length }, failures };
  },
};
