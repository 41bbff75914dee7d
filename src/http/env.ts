/** What Hono hands every handler beside the request: Node's own pair, for what fetch's types do not show. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface HttpEnv {
  Bindings: HttpBindings;
}

export type HttpContext = Context<HttpEnv>;
