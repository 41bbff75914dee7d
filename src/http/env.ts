/** The environment of every Hono handler: Node's own request and response, for what the types of fetch do not show. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface HttpEnv {
  Bindings: HttpBindings;
}

export type HttpContext = Context<HttpEnv>;
