/** Loaded before each test file by `npm run long -- without-fast-paths`: everything is read by the scanner, and chunks are
 *  taken one by one. What the fast paths read must be what these read. */
import { ReadBatch } from '../../src/session/read-batch.ts';
import { notPlain, PlainStanza } from '../../src/stream/structure/plain.ts';

PlainStanza.prototype.read = () => notPlain;
ReadBatch.prototype.waits = () => false;
