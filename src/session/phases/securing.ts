/** Phase `securing`: the client's TLS handshake. Nothing is sent on the plain socket. */
import type { Socket } from 'node:net';
import type { ClientHelloProgress } from '../../signals/client-hello-reader.ts';
import { asStreamError } from '../ending.ts';
import { requireCapacity } from '../capacity.ts';
import { TcpLeg } from '../leg.ts';
import type { Machine } from '../machine.ts';
import { awaitHeader } from './routing.ts';

/** Negotiates TLS and enters `routing`. */
export async function secureClient(machine: Machine, socket: Socket): Promise<void> {
  const { options, observer, evidence } = machine;
  const started = options.now();
  machine.enter({ name: 'securing' });
  try {
    // A handshake is the largest cost of a new session.
    requireCapacity(machine);
    const noteClientHello = evidence.wantsClientHello
      ? (progress: ClientHelloProgress): void => evidence.noteClientHello(progress)
      : undefined;
    const secured = await options.secure(socket, machine.signal, noteClientHello);
    if (machine.ended) {
      secured.socket.destroy();
      return;
    }
    observer.secured('client', 'ok', options.now() - started);
    evidence.noteHandshake(secured.handshake);
    options.captured(evidence);
    const limits = options.preAuthenticationLimits;
    awaitHeader(machine, new TcpLeg('client', secured.socket, { ...options, limits }, machine.events));
  } catch (error) {
    if (machine.ended) return;
    const refusal = asStreamError(error);
    observer.secured('client', refusal.code, options.now() - started);
    // Without TLS no stream error can be sent.
    socket.destroy();
    machine.end({ kind: 'refused', error: refusal, side: 'client' });
  }
}
