/** go-sendxmpp: a program that sends from the command line, and one that listens. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Login } from '../client.ts';
import { logInGoSendxmpp, shareByGoSendxmpp } from '../go-sendxmpp.ts';
import type { TableClient, TableSession } from '../table-client.ts';

export const goSendxmppTable: TableClient = {
  name: 'go-sendxmpp',
  needs: ['go-sendxmpp'],
  transports: ['starttls', 'direct'],
  cannot: {
    'encrypted message': 'has OpenPGP (XEP-0373), no OMEMO',
    archive: 'asks no archive',
    resume: 'has no stream management, and does not connect again',
  },
  async logIn(login) {
    const { jid, send, receive, joinRoom, close } = await logInGoSendxmpp(login);
    const rooms = new Map<string, (body: string) => void>();
    return {
      jid,
      receive,
      close,
      send: async (to, body) => send(to, body),
      join: async (room, nick) => void rooms.set(room, joinRoom(room, nick)),
      say: async (room, body) => rooms.get(room)!(body),
      upload: (bytes, name) => upload(login, { jid, receive }, bytes, name),
    };
  },
};

/** It sends the address to a recipient: here to its own account, which the listener hears. */
async function upload(
  login: Login,
  { jid, receive }: Pick<TableSession, 'jid' | 'receive'>,
  bytes: Uint8Array,
  name: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-upload-'));
  try {
    await writeFile(join(folder, name), bytes);
    await shareByGoSendxmpp(login, jid, join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
  for (;;) {
    const { body } = await receive();
    if (body.startsWith('https://')) return body;
  }
}
