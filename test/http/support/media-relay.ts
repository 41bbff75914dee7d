/** The relay as a process of its own, for measuring: `node media-relay.ts <file URL>` sends its parent the URL of
 *  the file through the relay, and runs until the parent lets go. */
import { serveMedia } from './media.ts';

const file = new URL(process.argv[2]!);
const relay = await serveMedia([file.origin]);
process.send!(relay.through(file).href);
process.on('disconnect', () => void relay.close());
