/** nbxmpp, the library of Gajim. */
import { nbxmpp } from '../clients.ts';
import { programTableClient } from './program.ts';

export const nbxmppTable = programTableClient({
  name: 'nbxmpp',
  needs: ['nbxmpp'],
  transports: ['starttls', 'direct', 'websocket'],
  cannot: { 'encrypted message': 'has the stanzas of OMEMO, Gajim the encryption' },
  program: nbxmpp,
});
