/** strophe.js in Chromium, with a script of the tests. */
import type { TableClient } from '../table-client.ts';
import { logInPage } from './browser.ts';

const files = {
  '/strophe.js': new URL('../../../node_modules/strophe.js/dist/strophe.umd.min.js', import.meta.url),
  '/peer.js': new URL('../browser/strophe.js', import.meta.url),
};

export const stropheJsTable: TableClient = {
  name: 'strophe.js',
  needs: ['chromium'],
  transports: ['websocket'],
  cannot: { 'encrypted message': 'has no OMEMO' },
  logIn: (login) => logInPage(login, files, ['/strophe.js', '/peer.js']),
};
