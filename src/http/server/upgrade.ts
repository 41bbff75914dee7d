import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Takes connections over by the Upgrade of HTTP/1.1 (RFC 9110 §7.8). */
export interface Upgrade {
  /** Returns whether a request that asks for an upgrade is for `take`; another is answered as if it did not ask. */
  readonly wanted: (request: IncomingMessage) => boolean;
  /** Takes a connection, which is the receiver's from then on.
   *  @param head bytes that were read after the request */
  readonly take: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}
