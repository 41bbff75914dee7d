/** Every client of the table in docs/clients.md. */
import type { TableClient } from '../table-client.ts';
import { xmppJsTable } from './xmpp-js.ts';

export const tableClients: readonly TableClient[] = [xmppJsTable];
