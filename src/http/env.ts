/** The environment of Hono handlers: Node's own request and response, for facts that the types of fetch lack. */
import type { Context } from 'hono';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

export interface HttpEnv {
  readonly Bindings: {
    readonly incoming: IncomingMessage | Http2ServerRequest;
    readonly outgoing: ServerResponse | Http2ServerResponse;
    /** The connection of the request, with TLS on it on the public port. HTTP/2 requests share one. */
    readonly connection: Socket;
  };
}

export type HttpContext = Context<HttpEnv>;
