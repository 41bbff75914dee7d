/** poezio: a client of the terminal, driven by a plugin. */
import { pythonClient } from '../programs.ts';
import { programTableClient } from './program.ts';

export const poezioTable = programTableClient({
  name: 'poezio',
  needs: ['poezio'],
  // Direct TLS it has only where DNS announces it (XEP-0368).
  transports: ['starttls'],
  cannot: {
    'encrypted message': 'has OMEMO only with a plugin that Debian has not',
    upload: 'Debian 12 has it with a slixmpp that finds no upload service under Python 3.11',
  },
  program: async () => pythonClient('poezio.py'),
});
