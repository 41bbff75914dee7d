/** Dino: a client of the desktop, on a screen of its own. */
import { pythonClient } from '../programs.ts';
import { programTableClient } from './program.ts';

export const dinoTable = programTableClient({
  name: 'dino',
  needs: ['dino'],
  transports: ['starttls', 'direct'],
  cannot: { archive: 'reads its archive when it logs in, and shows it among its own messages' },
  program: async () => pythonClient('dino.py'),
});
