/** libstrophe: a C library, with a program of the tests. */
import { libstrophe } from '../clients.ts';
import { programTableClient } from './program.ts';

export const libstropheTable = programTableClient({
  name: 'libstrophe',
  needs: ['libstrophe'],
  transports: ['starttls', 'direct'],
  cannot: {
    'encrypted message': 'has no OMEMO',
    upload: 'has no upload over HTTP',
    archive: 'has no archives',
  },
  program: libstrophe,
});
