/** The relay as a process of its own, for measuring: `node media-relay.ts <origin>` prints its port and a path
 *  for the file at that origin, and runs until its parent closes the channel. */
import { serveMedia } from '../http/support/media.ts';

const origin = new URL(process.argv[2]!);
const relay = await serveMedia([origin.origin]);
process.send!({ url: relay.through(origin).href });
process.on('message', () => {
  globalThis.gc?.();
  process.send!({ memory: process.memoryUsage() });
});
process.on('disconnect', () => void relay.close());
