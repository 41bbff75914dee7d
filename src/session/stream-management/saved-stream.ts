/** The form of a stream's counters outside of its process: JSON. */
import { AckWindow, type SavedWindow } from './ack-window.ts';
import { generationOf, type ManagedStream } from './managed-stream.ts';

interface SavedStream {
  /** Whether the connection had ended when this was written. */
  readonly final: boolean;
  readonly generation: number;
  readonly id: string;
  readonly startedAt: number;
  readonly account: string;
  readonly resource: string;
  readonly shownResource: string | null;
  readonly toGatekeeper: SavedWindow;
  readonly toClient: SavedWindow;
}

/** Returns the bytes of a stream.
 *  @param final whether its connection has ended */
export function writeStream(stream: ManagedStream, final: boolean): Uint8Array {
  const { id, startedAt, account, resource, alias, toGatekeeper, toClient } = stream;
  const saved: SavedStream = {
    final,
    generation: generationOf(stream),
    id,
    startedAt,
    account,
    resource,
    shownResource: alias.shownResource ?? null,
    toGatekeeper: toGatekeeper.saved(),
    toClient: toClient.saved(),
  };
  return Buffer.from(JSON.stringify(saved));
}

/** Reads a stream.
 *  @returns undefined for another form */
export function readStream(bytes: Uint8Array): ManagedStream | undefined {
  const saved = parsed(bytes);
  const { generation, id, startedAt, account, resource, shownResource, final } = saved;
  const toGatekeeper = AckWindow.restore(saved.toGatekeeper, final === true);
  const toClient = AckWindow.restore(saved.toClient, final === true);
  if (toGatekeeper === undefined || toClient === undefined) return undefined;
  if (typeof id !== 'string' || typeof account !== 'string' || typeof resource !== 'string') return undefined;
  if (!Number.isSafeInteger(generation) || !Number.isFinite(startedAt)) return undefined;
  if (shownResource !== null && typeof shownResource !== 'string') return undefined;
  return {
    generation: generation!,
    restored: true,
    id,
    startedAt: startedAt!,
    account,
    resource,
    alias: { shownResource: shownResource ?? undefined },
    toGatekeeper,
    toClient,
  };
}

function parsed(bytes: Uint8Array): Partial<SavedStream> {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) ?? {}) as Partial<SavedStream>;
  } catch {
    return {};
  }
}
