/** slixmpp, the library of poezio. */
import { pythonClient } from '../programs.ts';
import type { TableClient } from '../table-client.ts';
import { programTableClient } from './program.ts';

export const slixmppTable: TableClient = programTableClient({
  name: 'slixmpp',
  needs: ['slixmpp'],
  transports: ['starttls', 'direct'],
  cannot: { 'encrypted message': 'its OMEMO plugin is not in Debian' },
  program: async () => pythonClient('steps.py'),
});
