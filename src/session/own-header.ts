import { randomUUID } from 'node:crypto';
import type { StreamHeader } from '../stream/header.ts';
import type { SessionOptions } from './machine.ts';

/** Returns the attributes of the proxy's own stream header, for a client that was sent no header of a gatekeeper.
 *  @param answered the client's header; its domain is repeated only where it is served here */
export function ownHeader(
  answered: StreamHeader | undefined,
  { route }: Pick<SessionOptions, 'route'>,
): ReadonlyMap<string, string> {
  const to = answered?.attributes.get('to') ?? '';
  const from = route(to.toLowerCase()) === undefined ? [] : [['from', to] as const];
  return new Map([...from, ['id', randomUUID()]]);
}
