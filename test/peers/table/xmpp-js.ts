/** @xmpp/client, over TCP and over WebSocket. */
import { xmppJs } from '../clients.ts';
import type { TableClient } from '../table-client.ts';
import { programTableClient } from './program.ts';

export const xmppJsTable: TableClient = programTableClient({
  name: '@xmpp/client',
  needs: [],
  transports: ['starttls', 'direct', 'websocket'],
  cannot: { 'encrypted message': 'has no OMEMO' },
  program: xmppJs,
});
