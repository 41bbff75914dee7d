import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { fingerprintSyn } from '../../src/signals/p0f.ts';
import { descriptorOf, loadSynCapture, type ConnectionCapture } from '../../src/signals/saved-syn.ts';

const capture = await loadSynCapture();
const onLinux = process.platform === 'linux';

/** Listens with saved SYNs, connects once, and gives what `look` made of the connection. */
async function accept<T>(address: string, from: string, look: (socket: Socket) => T): Promise<T> {
  const bound = capture.bind({ address, port: 0 });
  if (bound.kind !== 'bound') throw new Error(bound.kind);
  expect(bound.savesSyn).toBe(true);
  const server = createServer();
  server.listen({ fd: bound.fd });
  await once(server, 'listening');
  const seen = new Promise<T>((resolve) => {
    server.once('connection', (socket: Socket) => {
      resolve(look(socket));
      socket.destroy();
    });
  });
  const client = connect((server.address() as AddressInfo).port, from).on('error', () => undefined);
  const result = await seen;
  client.destroy();
  server.close();
  await once(server, 'close');
  return result;
}

describe.skipIf(!onLinux)('the SYN of a connection (Linux)', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', /^4:64\+0:0:\d+:.*:mss,sok,ts,nop,ws:df,id\+:0$/],
    ['::1', '::1', /^6:64\+0:0:\d+:.*:mss,sok,ts,nop,ws:(flow)?:0$/],
    ['::', '127.0.0.1', /^4:64\+0:0:\d+:.*:mss,sok,ts,nop,ws:df,id\+:0$/],
    ['0.0.0.0', '127.0.0.1', /^4:64\+0:0:\d+:.*:mss,sok,ts,nop,ws:df,id\+:0$/],
  ])('at %s from %s', async (address, from, expected) => {
    const { syn, tcp } = await accept(address, from, (socket) => capture.read(descriptorOf(socket)));
    expect(syn.kind === 'syn' && fingerprintSyn(syn.syn).p0f).toMatch(expected);
    expect(tcp!.roundTripUs).toBeGreaterThan(0);
    expect(tcp!.roundTripUs).toBeLessThan(1_000_000);
  });

  it('can be read once', async () => {
    const [first, second] = await accept('127.0.0.1', '127.0.0.1', (socket): ConnectionCapture[] => {
      const fd = descriptorOf(socket);
      return [capture.read(fd), capture.read(fd)];
    });
    expect(first!.syn.kind).toBe('syn');
    expect(second!.syn).toEqual({ kind: 'absent', reason: 'syncookie' });
  });

  it('is unsupported where the system calls are missing', () => {
    const unsupported: ConnectionCapture = { syn: { kind: 'absent', reason: 'unsupported' }, tcp: undefined };
    expect(capture.read(-1)).toEqual(unsupported);
    expect(capture.read(descriptorOf(new Socket()))).toEqual(unsupported);
  });

  it('lets processes share a port when all of them request it', async () => {
    const first = capture.bind({ address: '127.0.0.1', port: 0, reusePort: true });
    if (first.kind !== 'bound') throw new Error(first.kind);
    const server = createServer();
    server.listen({ fd: first.fd });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const second = capture.bind({ address: '127.0.0.1', port, reusePort: true });
    expect(second.kind).toBe('bound');
    expect(capture.bind({ address: '127.0.0.1', port })).toEqual({
      kind: 'failed',
      errno: constants.errno.EADDRINUSE,
    });
    if (second.kind === 'bound') closeSync(second.fd);
    server.close();
  });

  it('fails as an ordinary listen does', () => {
    const elsewhere = capture.bind({ address: '203.0.113.1', port: 0 });
    expect(elsewhere).toEqual({ kind: 'failed', errno: constants.errno.EADDRNOTAVAIL });
    expect(capture.bind({ address: 'localhost', port: 0 })).toEqual({ kind: 'unsupported' });
  });

  it.skipIf(process.getuid?.() !== 0)('works without privileges and without code generation', () => {
    const script = `
      const { loadSynCapture } = await import(${JSON.stringify(new URL('../../src/signals/saved-syn.ts', import.meta.url).href)});
      console.log(JSON.stringify((await loadSynCapture()).bind({ address: '127.0.0.1', port: 0 })));`;
    const output = execFileSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
      { uid: 65_534, gid: 65_534, encoding: 'utf8' },
    );
    expect(JSON.parse(output)).toMatchObject({ kind: 'bound', savesSyn: true });
  });
});

describe('without koffi', () => {
  it.each([
    ['not installed', () => loadSynCapture('linux', () => Promise.reject(new Error('no such module')))],
    ['of another shape', () => loadSynCapture('linux', () => Promise.resolve({ default: {} }))],
    ['on another platform', () => loadSynCapture('darwin')],
  ])('(%s) everything else goes on', async (_, load) => {
    const without = await load();
    expect(without.bind({ address: '127.0.0.1', port: 0 })).toEqual({ kind: 'unsupported' });
    expect(without.read(1)).toEqual({ syn: { kind: 'absent', reason: 'unsupported' }, tcp: undefined });
  });
});
