/** Every client of the table in docs/clients.md. */
import type { TableClient } from '../table-client.ts';
import { aioxmppTable } from './aioxmpp.ts';
import { converseJsTable } from './converse-js.ts';
import { dinoTable } from './dino.ts';
import { glooxTable } from './gloox.ts';
import { goSendxmppTable } from './go-sendxmpp.ts';
import { libstropheTable } from './libstrophe.ts';
import { mcabberTable } from './mcabber.ts';
import { nbxmppTable } from './nbxmpp.ts';
import { poezioTable } from './poezio.ts';
import { profanityTable } from './profanity.ts';
import { sendxmppTable } from './sendxmpp.ts';
import { slixmppTable } from './slixmpp.ts';
import { stanzaTable } from './stanza.ts';
import { stropheJsTable } from './strophe-js.ts';
import { xmppJsTable } from './xmpp-js.ts';

export const tableClients: readonly TableClient[] = [
  xmppJsTable,
  stanzaTable,
  stropheJsTable,
  converseJsTable,
  slixmppTable,
  aioxmppTable,
  nbxmppTable,
  libstropheTable,
  glooxTable,
  goSendxmppTable,
  sendxmppTable,
  mcabberTable,
  poezioTable,
  profanityTable,
  dinoTable,
];
