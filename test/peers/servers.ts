/** Every server the interoperability tests run against. */
import { startEjabberd } from './ejabberd.ts';
import { startProsody } from './prosody.ts';
import type { PeerName } from './require.ts';
import type { PeerServer, ServerOptions } from './server.ts';

export interface ServerKind {
  readonly name: string;
  readonly needs: readonly PeerName[];
  start(options?: ServerOptions): Promise<PeerServer>;
}

export const prosody: ServerKind = { name: 'Prosody', needs: ['prosody'], start: startProsody };

const ejabberd: ServerKind = { name: 'ejabberd', needs: ['ejabberd'], start: startEjabberd };

export const servers = [prosody, ejabberd] as const;
