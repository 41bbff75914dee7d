/** The environment of Hono handlers: Node's own request and response, for facts that the types of fetch lack. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface HttpEnv {
  Bindings: HttpBindings;
}

export type HttpContext = Context<HttpEnv>;
