/** A proxy with a defect: what its connections read is printed, in base64. */
import { TLSSocket } from 'node:tls';

const emit = TLSSocket.prototype.emit;
TLSSocket.prototype.emit = function (this: TLSSocket, event: string | symbol, ...args: unknown[]) {
  const [chunk] = args;
  if (event === 'data' && Buffer.isBuffer(chunk))
    process.stdout.write(`${JSON.stringify({ event: 'debug', read: chunk.toString('base64') })}\n`);
  return Reflect.apply(emit, this, [event, ...args]) as boolean;
} as typeof emit;

await import('../../../../src/cli/main.ts');
