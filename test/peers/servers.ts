/** Every server the interoperability tests run against. */
import { startEjabberd } from './ejabberd.ts';
import { startProsody, startProsody13 } from './prosody.ts';
import type { PeerName } from './require.ts';
import type { PeerServer, ServerOptions } from './server.ts';

export interface ServerKind {
  readonly name: string;
  readonly needs: readonly PeerName[];
  start(options?: ServerOptions): Promise<PeerServer>;
}

export const prosody: ServerKind = { name: 'Prosody', needs: ['prosody'], start: startProsody };

/** The current version, next to Debian 12's. Its default mechanisms include channel binding over TLS 1.3. */
export const prosody13: ServerKind = {
  name: 'Prosody 13',
  needs: ['prosody-13'],
  start: startProsody13,
};

export const ejabberd: ServerKind = { name: 'ejabberd', needs: ['ejabberd'], start: startEjabberd };

export const servers = [prosody, ejabberd] as const;
