import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, freePorts } from '../../../src/app/demo/free-port.ts';

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

  it('are not those that are taken', async () => {
    const all = Array.from({ length: 12_000 }, (_, index) => 20_000 + index);
    await expect(freePort('127.0.0.1', all)).rejects.toThrow('no free port of 20000 to 31999 in 20 attempts');
  });

  it('are of an address of this machine', async () => {
    await expect(freePort('192.0.2.1')).rejects.toThrow('no free port');
  });
});
