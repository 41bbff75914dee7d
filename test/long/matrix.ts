/** Every client with every server, at every endpoint, over both ways of TLS. Continuous integration runs the half of it that
 *  has each pair of these. */
import { runOfFiles } from './suite.ts';

export const longRun = runOfFiles(
  {
    name: 'matrix',
    summary: 'every client with every server, straight and through the proxy, over STARTTLS and direct TLS',
    unit: 'rounds',
  },
  {
    files: ['test/interop/matrix.test.ts'],
    environment: { NARTHEX_MATRIX: 'whole', NARTHEX_PEERS: 'required' },
  },
);
