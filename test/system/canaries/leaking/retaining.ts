/** A proxy with a defect: what its connections read is kept, as it is and as text, after they have ended. */
import { TLSSocket } from 'node:tls';

const kept: Buffer[] = [];
const texts = new Map<number, string>();
const emit = TLSSocket.prototype.emit;
TLSSocket.prototype.emit = function (this: TLSSocket, event: string | symbol, ...args: unknown[]) {
  const [chunk] = args;
  if (event === 'data' && Buffer.isBuffer(chunk)) {
    kept.push(chunk);
    texts.set(texts.size, chunk.toString());
  }
  return Reflect.apply(emit, this, [event, ...args]) as boolean;
} as typeof emit;
Object.assign(globalThis, { kept, texts });

await import('../../../../src/cli/main.ts');
