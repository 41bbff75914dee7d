/** aioxmpp. */
import { aioxmpp } from '../clients.ts';
import type { TableClient } from '../table-client.ts';
import { programTableClient } from './program.ts';

export const aioxmppTable: TableClient = programTableClient({
  name: 'aioxmpp',
  needs: ['aioxmpp'],
  transports: ['starttls', 'direct'],
  cannot: { 'encrypted message': 'has no OMEMO', archive: 'has no archives (XEP-0313)' },
  program: aioxmpp,
});
