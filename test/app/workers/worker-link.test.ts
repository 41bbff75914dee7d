import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/app/workers/channel.ts';
import { linkOfWorker, type WorkerLink } from '../../../src/app/workers/worker-link.ts';
import { workerVariable } from '../../../src/app/workers/worker-process.ts';

/** The worker's end of the connection. Like that of Node, it has `disconnect` also after the end, and throws then. */
class End extends EventEmitter implements Connection {
  connected = true;

  send(): void {}

  disconnect(): void {
    if (!this.connected) throw new Error('already disconnected');
    this.cut();
  }

  cut(): void {
    this.connected = false;
    this.emit('disconnect');
  }
}

const linkAt = (end: End): WorkerLink =>
  linkOfWorker({ [workerVariable]: JSON.stringify({ index: 0, processes: 2 }) }, end)!;

function stopsOf(link: WorkerLink): () => number {
  let stops = 0;
  link.onStop(() => (stops += 1));
  return () => stops;
}

describe('a worker', () => {
  it('stops when the supervisor asks it to', () => {
    const end = new End();
    const stops = stopsOf(linkAt(end));
    end.emit('message', { kind: 'notice', notice: { kind: 'stop' } });
    expect(stops()).toBe(1);
  });

  it('stops when the supervisor is lost', () => {
    const end = new End();
    const stops = stopsOf(linkAt(end));
    expect(stops()).toBe(0);
    end.cut();
    expect(stops()).toBe(1);
  });

  it('stops when the supervisor was lost before it listened', () => {
    const end = new End();
    end.cut();
    expect(stopsOf(linkAt(end))()).toBe(1);
  });

  it('leaves a supervisor that it has lost', () => {
    const end = new End();
    const link = linkAt(end);
    end.cut();
    expect(link.leave).not.toThrow();
  });
});
