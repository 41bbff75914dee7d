import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Http1Socket } from '../../../src/http/server/paced-socket.ts';
import { loopback, type Loopback } from '../../support/sockets.ts';
import { eventually } from '../../support/wait.ts';

describe('a paced connection of HTTP/1.1', () => {
  let server: Loopback;
  let peer: Socket;
  let connection: Socket;
  let paced: Http1Socket;
  let tasks: (() => void)[];
  let seen: string[];

  beforeEach(async () => {
    server = await loopback();
    peer = connect({ port: server.port, host: '127.0.0.1' });
    peer.on('error', () => {});
    connection = await server.next();
    tasks = [];
    paced = new Http1Socket(connection, { run: (task) => void tasks.push(task) });
  });
  afterEach(async () => {
    peer.destroy();
    paced.destroy();
    connection.destroy();
    await server[Symbol.asyncDispose]();
  });

  const watch = (): void => {
    seen = [];
    paced.on('data', (bytes: Buffer) => seen.push(String(bytes)));
  };
  /** Runs the next task when there is one. */
  const turn = async (): Promise<void> => {
    await eventually(() => tasks.length > 0);
    tasks.shift()!();
  };

  it('passes on one request in a turn, whatever arrives together', async () => {
    watch();
    peer.write('GET /1\r\n\r\nGET /2\r\nA: b\r\n\r\nGET /3');
    await turn();
    expect(seen).toEqual(['GET /1\r\n\r\n']);
    await turn();
    expect(seen.slice(1)).toEqual(['GET /2\r\nA: b\r\n\r\n']);
    await turn();
    expect(seen.slice(2)).toEqual(['GET /3']);
    expect(tasks).toEqual([]);
  });

  it('passes on a bounded number of bytes in a turn', async () => {
    watch();
    peer.write('x'.repeat(5_000));
    while (seen.join('').length < 5_000) await turn();
    expect(Math.max(...seen.map((piece) => piece.length))).toBe(2_048);
  });

  it('reads nothing more while a slice waits for its turn', async () => {
    watch();
    peer.write('GET /1\r\n\r\nGET /2\r\n\r\n');
    await eventually(() => tasks.length === 1);
    expect(connection.isPaused()).toBe(true);
    await turn();
    await eventually(() => tasks.length === 1);
    expect(connection.isPaused()).toBe(true);
    await turn();
    await eventually(() => !connection.isPaused());
    expect(tasks).toEqual([]);
  });

  it('ends after what was sent before the end', async () => {
    watch();
    peer.end('GET /1\r\n\r\nGET /2\r\n\r\n');
    await turn();
    await turn();
    await once(paced, 'end');
    expect(seen).toEqual(['GET /1\r\n\r\n', 'GET /2\r\n\r\n']);
  });

  it('is closed when the connection is, and passes nothing on afterwards', async () => {
    watch();
    peer.write('GET /1\r\n\r\n');
    await eventually(() => tasks.length === 1);
    connection.destroy();
    await once(paced, 'close');
    await turn();
    expect(seen).toEqual([]);
  });

  it('writes at once, and closes the connection when all was written', async () => {
    const heard: Buffer[] = [];
    peer.on('data', (bytes: Buffer) => heard.push(bytes));
    paced.cork();
    paced.write('one, ');
    paced.write('two, ');
    paced.uncork();
    paced.write('three');
    paced.destroySoon();
    await once(peer, 'end');
    expect(Buffer.concat(heard).toString()).toBe('one, two, three');
    await eventually(() => connection.destroyed);
  });

  it('reports that nothing came in time', async () => {
    paced.setTimeout(20);
    await once(paced, 'timeout');
    expect(connection.destroyed).toBe(false);
  });

  it('gives the connection away with what was not passed on', async () => {
    watch();
    peer.write('GET /1\r\n\r\nbytes of another protocol');
    await turn();
    await eventually(() => tasks.length === 1);
    const rest = paced.release();
    expect([seen, String(rest)]).toEqual([['GET /1\r\n\r\n'], 'bytes of another protocol']);
    tasks.shift()!();
    expect(seen).toHaveLength(1);
    paced.destroy();
    expect(connection.destroyed).toBe(false);
    peer.write('more');
    connection.resume();
    expect(String((await once(connection, 'data'))[0])).toBe('more');
  });
});
