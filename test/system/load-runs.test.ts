/** The long runs that load the proxy, with few sessions: they come up, their messages are answered, and figures are made. What
 *  the figures are is for the full runs: `npm run long -- reconnect-storm`, `connects`, `many-sessions`. */
import { expect, it } from 'vitest';
import { runConnects } from '../long/connects.ts';
import { runSessions } from '../long/many-sessions.ts';
import { runStorm } from '../long/reconnect-storm.ts';
import { describeWithPeers } from '../peers/require.ts';

describeWithPeers(['openssl headers'], 'a load run', () => {
  const progress = (): void => {};

  it('brings all sessions up again through the pipe and through the proxy', async () => {
    const { figures, failures } = await runStorm({ count: 30, progress }, 1);
    expect(failures).toEqual([]);
    expect(figures['on their way at once']).toBe(3);
    expect(Number(figures['pipe, in s'])).toBeGreaterThan(0);
    expect(Number(figures['narthex, in s'])).toBeGreaterThan(0);
    expect(Number.parseFloat(String(figures['ratio, median']))).toBeGreaterThan(0);
  });

  it('takes the memory of the proxy after each group of sessions', async () => {
    const { figures } = await runConnects({ count: 30, progress }, 3);
    expect(figures['live memory in MiB, least and most']).toMatch(/^\d+\.\d, \d+\.\d$/);
  });

  it('passes messages of all sessions and takes the memory of the proxy', async () => {
    const { figures } = await runSessions({ count: 3, progress }, { sessions: 8, rate: 100, sampleMs: 300 });
    expect(figures['sessions']).toBe(8);
    expect(Number(figures['messages there and back'])).toBeGreaterThan(20);
    expect(figures['live memory in MiB, least and most']).toMatch(/^\d+\.\d, \d+\.\d$/);
  });
});
