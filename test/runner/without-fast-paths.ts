/** Loaded before each test file by `npm run long -- without-fast-paths`: everything is read by the scanner, and chunks are
 *  taken one by one. What the fast paths read must be what these read. */
import { ReadBatch } from '../../src/session/read-batch.ts';
import { PlainStanza } from '../../src/stream/plain-stanza.ts';

const notRead = -1;
PlainStanza.prototype.read = () => notRead;
ReadBatch.prototype.waits = () => false;
