/** profanity: a client of the terminal, driven by a plugin of its own Python interface. */
import { pythonClient } from '../programs.ts';
import { programTableClient } from './program.ts';

export const profanityTable = programTableClient({
  name: 'profanity',
  needs: ['profanity'],
  transports: ['starttls', 'direct'],
  cannot: {},
  program: async () => pythonClient('profanity.py'),
});
