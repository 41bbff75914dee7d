/** Phase `dialling`: the connection to the gatekeeper. The client is held meanwhile. */
import type { Socket } from 'node:net';
import type { ConnectionEvidence } from '../../signals/connection-evidence.ts';
import { GatekeeperError } from '../../transport/gatekeeper-error.ts';
import { asStreamError } from '../ending.ts';
import { WebSocketConnection } from '../../transport/websocket.ts';
import { TcpLeg, type XmppLeg } from '../leg.ts';
import type { Machine, Routed } from '../machine.ts';
import { WebSocketLeg } from '../websocket-leg.ts';
import type { GatekeeperAttestations } from '../signals/attestations.ts';
import { attestConnection } from './attesting.ts';
import { relayAuthentication } from './authenticating.ts';
import { Connected } from './connected.ts';

/** A connection to a gatekeeper: TLS, or a WebSocket on it. */
export type GatekeeperConnection = Socket | WebSocketConnection;

export interface XmppGatekeeper {
  /** Makes the attestations for this gatekeeper; undefined when it gets none. */
  readonly attestations: GatekeeperAttestations | undefined;
  /** Connects for one session of a client with this `evidence`.
   *  @returns a connection with TLS up and no stream open
   *  @throws StreamError ERR_GATEKEEPER_…, ERR_SIGNALS_…, or the reason of the signal */
  readonly connect: (
    domain: string,
    signal: AbortSignal,
    evidence: ConnectionEvidence,
  ) => Promise<GatekeeperConnection>;
}

/** Connects, and enters `authenticating`, which begins with the attestation where the stream carries one. */
export async function dialGatekeeper(
  routed: Routed,
  { attestations, connect }: XmppGatekeeper,
): Promise<void> {
  const { machine, facts, client, header } = routed;
  const connection = await reportedDial(routed, () =>
    connect(facts.domain, machine.signal, machine.evidence),
  );
  if (connection === undefined) return;
  if (machine.ended) {
    const socket = connection instanceof WebSocketConnection ? connection.socket : connection;
    socket.destroy();
    return;
  }
  try {
    const gatekeeper = legOn(connection, machine);
    const connected = new Connected(routed, gatekeeper);
    const attests = attestations?.overStream === true;
    connected.enter('authenticating');
    if (attests) attestConnection(connected, attestations);
    else relayAuthentication(connected);
    connected.forwardHeader(header, 'to-gatekeeper');
    gatekeeper.flush();
    gatekeeper.start();
    if (!attests) client.release();
  } catch (error) {
    machine.end({ kind: 'refused', error: asStreamError(error), side: 'client' });
  }
}

/** Enters `dialling`, connects, and reports the outcome. A failure ends the session.
 *  @returns what `connect` resolves with, undefined after a failure. The session may have ended meanwhile */
export async function reportedDial<Result>(
  { machine, facts, client, header }: Routed,
  connect: () => Promise<Result>,
): Promise<Result | undefined> {
  const { options, observer } = machine;
  const started = options.now();
  machine.enter({ name: 'dialling', client, header, facts });
  try {
    const result = await connect();
    observer.dialled(facts.gatekeeper, 'ok', options.now() - started);
    return result;
  } catch (error) {
    if (machine.ended) return undefined;
    const refusal = asStreamError(error);
    const cause = refusal instanceof GatekeeperError ? refusal.dialCause : undefined;
    observer.dialled(facts.gatekeeper, refusal.code, options.now() - started, cause);
    machine.end({ kind: 'refused', error: refusal, side: 'client' });
    return undefined;
  }
}

function legOn(connection: GatekeeperConnection, { options, events }: Machine): XmppLeg {
  const legOptions = { ...options, limits: options.preAuthenticationLimits };
  return connection instanceof WebSocketConnection
    ? new WebSocketLeg('gatekeeper', connection, legOptions, events)
    : new TcpLeg('gatekeeper', connection, legOptions, events);
}
