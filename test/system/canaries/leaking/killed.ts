/** A proxy that is killed by the system when a second connection is opened. */
import { Server } from 'node:net';

let opened = 0;
const emit = Server.prototype.emit;
Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]) {
  if (event === 'connection' && ++opened === 2) process.kill(process.pid, 'SIGKILL');
  return Reflect.apply(emit, this, [event, ...args]) as boolean;
} as typeof emit;

await import('../../../../src/cli/main.ts');
