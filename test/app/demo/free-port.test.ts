import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { freePort, freePorts } from '../../../src/app/demo/free-port.ts';

vi.mock('node:crypto', { spy: true });

beforeEach(() => {
  vi.resetAllMocks();
});

/** Has the next number that is drawn be `port`. */
function drawNext(port: number): void {
  vi.mocked(randomInt).mockImplementationOnce(() => port);
}

describe('free ports', () => {
  it('are each another, and none that a kernel gives to connections', async () => {
    const ports = await freePorts(100);
    expect(new Set(ports).size).toBe(100);
    expect(ports.filter((port) => port < 20_000 || port >= 32_000)).toEqual([]);
  });

  it('can be listened to', async () => {
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });

  it('are not those to which a process listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    drawNext(port);
    expect(await freePort()).not.toBe(port);
    server.close();
  });

  it('are not those that were returned before, though nothing listens to them yet', async () => {
    const port = await freePort();
    drawNext(port);
    expect(await freePort()).not.toBe(port);
  });

  it('are returned again after a thousand others', async () => {
    const port = await freePort();
    await freePorts(999);
    drawNext(port);
    expect(await freePort()).not.toBe(port);
    drawNext(port);
    expect(await freePort()).toBe(port);
  });

  it('are not those that another process was given, until it ends', async () => {
    const module = JSON.stringify(new URL('../../../src/app/demo/free-port.ts', import.meta.url).href);
    const program = `import { freePort } from ${module}; console.log(await freePort()); process.stdin.resume();`;
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const other = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: [...stdio] });
    const [printed] = (await once(other.stdout, 'data')) as [Buffer];
    const port = Number(printed.toString());

    drawNext(port);
    expect(await freePort()).not.toBe(port);

    other.stdin.end();
    await once(other, 'exit');
    drawNext(port);
    expect(await freePort()).toBe(port);
  });

  it('do not keep a process from its end', async () => {
    const module = JSON.stringify(new URL('../../../src/app/demo/free-port.ts', import.meta.url).href);
    const program = `import { freePort } from ${module}; await freePort();`;
    const other = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
    expect(await once(other, 'exit')).toEqual([0, null]);
  });

  it('are of an address of this machine', async () => {
    await expect(freePort('192.0.2.1')).rejects.toThrow('no free port of 20000 to 31999 in 20 attempts');
  });
});
