/** mcabber: a client of the terminal, driven through its FIFO, its log and its script of events. */
import { pythonClient } from '../programs.ts';
import { programTableClient } from './program.ts';

export const mcabberTable = programTableClient({
  name: 'mcabber',
  needs: ['mcabber'],
  transports: ['starttls', 'direct'],
  cannot: {
    'encrypted message': 'has no OMEMO',
    upload: 'has no upload over HTTP',
    archive: 'asks no archive',
  },
  program: async () => pythonClient('mcabber.py'),
});
