/** Start of phase `routing` for a client that came by an upgrade of HTTP (RFC 7395 §3.1): its TLS is up already. */
import type { WebSocketConnection } from '../../transport/websocket.ts';
import type { Machine } from '../machine.ts';
import { WebSocketLeg } from '../websocket-leg.ts';
import { awaitHeader } from './routing.ts';

/** Enters `routing`. */
export function takeWebSocket(machine: Machine, connection: WebSocketConnection): void {
  const { options, observer, evidence, events } = machine;
  observer.secured('client', 'ok', evidence.handshake?.milliseconds ?? 0);
  const limits = options.preAuthenticationLimits;
  awaitHeader(machine, new WebSocketLeg('client', connection, { ...options, limits }, events));
}
