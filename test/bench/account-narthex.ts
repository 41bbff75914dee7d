/** Loaded by `--import` into a Narthex: accounts for finding stanzas, judging them, carrying out what was judged,
 *  writing them anew, and handing them to the socket. A sample is everything from one chunk that is read to the next. */
import { Dispatch } from '../../src/session/dispatch.ts';
import { Relay } from '../../src/session/relay.ts';
import { Rendering } from '../../src/session/rendering.ts';
import { StreamWriter } from '../../src/session/stream-writer.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { ClockAccount } from './clock-account.ts';

// A stanza that is written anew is scanned again: that belongs to rendering.
const account = new ClockAccount(['scan', 'judge', 'dispatch', 'render', 'write'], 'render').answering();
account.wrap('scan', Scanner.prototype, 'push');
account.wrap('judge', Relay.prototype, 'take');
account.wrap('dispatch', Dispatch.prototype, 'passUntouched');
account.wrap('dispatch', Dispatch.prototype, 'apply');
account.wrap('render', Rendering.prototype, 'write');
account.wrap('write', StreamWriter.prototype, 'flush');
