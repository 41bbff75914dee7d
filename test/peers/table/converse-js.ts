/** converse.js in Chromium, as it is without its views. */
import type { TableClient } from '../table-client.ts';
import { logInPage } from './browser.ts';

const dist = new URL('../../../node_modules/converse.js/src/headless/dist/', import.meta.url);
const files = {
  '/converse.js': new URL(
    '../../../node_modules/converse.js/src/headless/dist/converse-headless.min.js',
    import.meta.url,
  ),
  '/libomemo.esm.min.js': new URL('libomemo.esm.min.js', dist),
  '/curve25519_compiled.wasm': new URL('../../../dist/curve25519_compiled.wasm', dist),
  '/emoji.json': new URL('emoji.json', dist),
  '/peer.mjs': new URL('../browser/converse.mjs', import.meta.url),
};

export const converseJsTable: TableClient = {
  name: 'converse.js',
  needs: ['chromium'],
  transports: ['websocket'],
  cannot: {},
  logIn: (login) => logInPage(login, files, ['/peer.mjs']),
};
