/** Loaded by `--import` into the pipe: accounts for handing a chunk to the socket. */
import { TLSSocket } from 'node:tls';
import { ClockAccount } from './clock-account.ts';

new ClockAccount(['write']).answering().wrap('write', TLSSocket.prototype, 'write');
