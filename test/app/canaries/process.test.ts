import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ProxyProcess, startProxyProcess } from '../../../src/app/canaries/process.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const opened = `
  console.log('{"event":"listener.opened","port":1}');
  console.log('{"event":"admin.opened","port":2}');`;

/** Starts a program in place of the proxy. */
const start = async (program: string) =>
  startProxyProcess('narthex.yaml', [await folder.write('program.mjs', program)]);

describe('the process of a proxy', () => {
  it('has the ports of its log and everything that it printed, its last words too', async () => {
    const proxy = await start(`${opened}
      process.on('SIGTERM', () => process.stderr.write('#'.repeat(1_000_000) + 'the end', () => process.exit()));
      console.log('{"event":"proxy.started"}');
      setInterval(() => {}, 1_000);`);
    expect([proxy.ports, proxy.adminPort]).toEqual([[1], 2]);
    expect(await proxy.inspector.evaluate('6 * 7')).toMatchObject({ value: 42 });
    proxy.inspector.close();
    await proxy.close();
    // Node writes lines of its inspector between them.
    const printed = proxy.printed().toString();
    expect([printed.split('#').length - 1, printed.includes('the end')]).toEqual([1_000_000, true]);
  });

  it.each([
    ['waits for ever', () => new Promise(() => {})],
    [
      'fails by then',
      ({ inspector }: ProxyProcess) =>
        inspector.call('Runtime.evaluate', { expression: 'new Promise(() => {})', awaitPromise: true }),
    ],
  ])('ends work that %s when it ends itself, and says how', async (_, begin) => {
    const proxy = await start(`${opened}
      console.log('{"event":"proxy.started"}');
      setInterval(() => {}, 1_000);`);
    const work = proxy.whileRunning(begin(proxy));
    process.kill(proxy.pid, 'SIGKILL');
    await expect(work).rejects.toMatchObject({
      code: 'ERR_CANARY_PROXY',
      message: 'the proxy has ended by SIGKILL',
    });
  });

  it('says what it printed when it ends before it is ready', async () => {
    await expect(start(`${opened} console.error('no more ports');`)).rejects.toMatchObject({
      code: 'ERR_CANARY_PROXY',
      message: 'no more ports',
    });
  });
});
