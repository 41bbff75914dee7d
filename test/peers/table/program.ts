/** A client of the table that is one of the programs of ../client.ts. They know the verbs
 *
 *   join ROOM NICK  |  say ROOM BODY  |  encrypt TO BODY
 *   upload NAME BYTES, answered with the address of GET
 *   archive CONTACT, answered with the bodies, oldest first
 *   back, answered when the client is online again after a lost connection, with `resumed` or `again` */
import { logIn, type Login, type Program, type ProgramClient } from '../client.ts';
import type { TableClient, TableSession } from '../table-client.ts';

/** For a machine under load, and for libraries that wait longer after each attempt. */
const comeBackTimeoutMs = 120_000;

export type ProgramDescription = Omit<TableClient, 'logIn'> & { readonly program: Program };

export function programTableClient({ program, ...description }: ProgramDescription): TableClient {
  return {
    ...description,
    logIn: async (login: Login) => sessionOf(await logIn(program, login)),
  };
}

function sessionOf(client: ProgramClient): TableSession {
  const { jid, receive, close, ask } = client;
  return {
    jid,
    receive,
    close,
    send: async (to, body) => client.send(to, body),
    sendEncrypted: async (to, body) => void (await ask('encrypt', [to, body])),
    join: async (room, nick) => void (await ask('join', [room, nick])),
    say: async (room, body) => void (await ask('say', [room, body])),
    upload: async (bytes, name) => (await ask('upload', [name, bytes]))[0]!,
    archive: (contact) => ask('archive', [contact]),
    comeBack: async () =>
      (await ask('back', [], comeBackTimeoutMs))[0] === 'resumed' ? 'resumed' : 'logged in again',
  };
}
