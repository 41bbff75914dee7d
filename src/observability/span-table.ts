/** Every span of a trace, and every attribute that a span may have. No attribute is free text. */
import { closeReasons } from './events.ts';
import { dialCauseNames } from '../errors/causes.ts';
import { httpCodes, httpRoutes } from './http-words.ts';
import type { FieldKinds, FieldValues } from './field.ts';

/** `session` with its steps, which are its children, and `request` for one over HTTP. */
export const spanNames = [
  'session', 'request', 'tls', 'dial', 'authentication', 'close',
] as const; // prettier-ignore
export type SpanName = (typeof spanNames)[number];

/** Kinds of the attributes; on the wire their names start with `narthex.`. */
export const spanAttributes = {
  listener: 'label',
  gatekeeper: 'label',
  side: ['client', 'gatekeeper'],
  code: 'code',
  cause: dialCauseNames,
  offset: 'number',
  limit: 'number',
  defect: 'defect',
  frame: 'defect',
  reason: closeReasons,
  route: httpRoutes,
  status: 'number',
  problem: httpCodes,
  stanzasToGatekeeper: 'number',
  stanzasToClient: 'number',
} as const satisfies FieldKinds;

export type SpanAttributes = FieldValues<typeof spanAttributes>;
