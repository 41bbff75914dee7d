/** Opens a stream over TLS to find out whether a gatekeeper serves a domain (RFC 6120 §4.3.2). */
import type { Socket } from 'node:net';
import { StreamError } from '../stanza/error.ts';
import type { Names } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import { preAuthenticationLimits } from '../stream/limits.ts';
import { Scanner } from '../stream/scanner.ts';
import type { Workspace } from '../stream/workspace.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import {
  GatekeeperError,
  GatekeeperNegotiationError,
  GatekeeperUnreachableError,
} from './gatekeeper-error.ts';
import { writeOpening } from './opening.ts';
import { requireVersion, streamErrorOf } from './starttls.ts';

export interface FeaturesOptions {
  readonly domain: string;
  readonly names: Names;
  readonly workspace: Workspace;
  /** Milliseconds for the answer. */
  readonly negotiationTimeoutMs: number;
}

/** Sends a stream header, and resolves when features have come.
 *  @throws GatekeeperError */
export async function awaitFeatures(
  socket: Socket,
  { negotiationTimeoutMs, ...options }: FeaturesOptions,
): Promise<void> {
  try {
    await withDeadline(negotiationTimeoutMs, undefined, (signal) => untilFeatures(socket, options, signal));
  } catch (error) {
    throw error instanceof DeadlineError ? new GatekeeperUnreachableError('timed-out') : error;
  }
}

function untilFeatures(
  socket: Socket,
  { domain, names, workspace }: Omit<FeaturesOptions, 'negotiationTimeoutMs'>,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const scanner = new Scanner({
    names,
    workspace,
    limits: preAuthenticationLimits,
    sink: {
      header: requireVersion,
      stanza: (stanza) => {
        if (stanza.is(0, ns.streams, 'error')) throw streamErrorOf(stanza);
        if (!stanza.is(0, ns.streams, 'features')) throw new GatekeeperNegotiationError('unexpected');
        scanner.halt();
        resolve();
      },
      whitespace: () => {},
      end: () => {
        throw new GatekeeperNegotiationError('closed');
      },
    },
  });
  const ended = (): void => reject(new GatekeeperNegotiationError('closed'));
  socket.on('end', ended).on('close', ended).on('error', ended);
  socket.on('data', (chunk: Uint8Array) => {
    try {
      scanner.push(chunk);
    } catch (error) {
      if (!(error instanceof StreamError)) reject(error);
      else
        reject(error instanceof GatekeeperError ? error : new GatekeeperNegotiationError('malformed', error));
    }
  });
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  socket.write(writeOpening(domain));
  return promise;
}
