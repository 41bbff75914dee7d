import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProxyProcess } from '../../../src/app/canaries/process.ts';
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
      console.log('{"event":"proxy.started"}');
      process.on('SIGTERM', () => process.stderr.write('x'.repeat(1_000_000) + 'the end', () => process.exit()));
      setInterval(() => {}, 1_000);`);
    expect([proxy.ports, proxy.adminPort]).toEqual([[1], 2]);
    expect(await proxy.inspector.evaluate('6 * 7')).toMatchObject({ value: 42 });
    proxy.inspector.close();
    await proxy.close();
    expect(proxy.printed().toString()).toMatch(/x{1000000}the end/);
  });

  it('says what it printed when it ends before it is ready', async () => {
    await expect(start(`${opened} console.error('no more ports');`)).rejects.toMatchObject({
      code: 'ERR_CANARY_PROXY',
      message: 'no more ports',
    });
  });
});
