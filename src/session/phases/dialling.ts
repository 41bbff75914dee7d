/** Phase `dialling`: the connection to the gatekeeper. The client is held meanwhile. */
import type { Socket } from 'node:net';
import type { ConnectionEvidence } from '../../signals/connection-evidence.ts';
import { GatekeeperError } from '../../transport/gatekeeper-error.ts';
import { asStreamError } from '../ending.ts';
import { TcpLeg } from '../leg.ts';
import type { Routed } from '../machine.ts';
import type { GatekeeperAttestations } from '../signals/attestations.ts';
import { attestConnection } from './attesting.ts';
import { relayAuthentication } from './authenticating.ts';
import { Connected } from './connected.ts';

export interface XmppGatekeeper {
  /** Makes the attestations for this gatekeeper; undefined when it gets none. */
  readonly attestations: GatekeeperAttestations | undefined;
  /** Connects for one session of a client with this `evidence`.
   *  @returns a socket with TLS up and no stream open
   *  @throws StreamError ERR_GATEKEEPER_…, ERR_SIGNALS_…, or the reason of the signal */
  readonly connect: (domain: string, signal: AbortSignal, evidence: ConnectionEvidence) => Promise<Socket>;
}

/** Connects, and enters `authenticating`, which begins with the attestation where the stream carries one. */
export async function dialGatekeeper(
  routed: Routed,
  { attestations, connect }: XmppGatekeeper,
): Promise<void> {
  const { machine, facts, client, header } = routed;
  const { options, observer } = machine;
  const started = options.now();
  machine.enter({ name: 'dialling', client, header, facts });
  let socket: Socket;
  try {
    socket = await connect(facts.domain, machine.signal, machine.evidence);
  } catch (error) {
    if (machine.ended) return;
    const refusal = asStreamError(error);
    const cause = refusal instanceof GatekeeperError ? refusal.dialCause : undefined;
    observer.dialled(facts.gatekeeper, refusal.code, options.now() - started, cause);
    machine.end({ kind: 'refused', error: refusal, side: 'client' });
    return;
  }
  observer.dialled(facts.gatekeeper, 'ok', options.now() - started);
  if (machine.ended) {
    socket.destroy();
    return;
  }
  try {
    const limits = options.preAuthenticationLimits;
    const gatekeeper = new TcpLeg('gatekeeper', socket, { ...options, limits }, machine.events);
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
