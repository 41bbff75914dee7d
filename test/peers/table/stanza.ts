/** stanza (stanza.io), over WebSocket. */
import { fileURLToPath } from 'node:url';
import { programTableClient } from './program.ts';

export const stanzaTable = programTableClient({
  name: 'stanza',
  needs: [],
  transports: ['websocket'],
  cannot: { 'encrypted message': 'has the stanzas of OMEMO, not the encryption' },
  program: async () => ({
    program: process.execPath,
    args: [fileURLToPath(new URL('../javascript/stanza.mjs', import.meta.url))],
  }),
});
