/** A slixmpp client that uploads files to its server and tells others of them. */
import type { Login } from './client.ts';
import { pythonClient } from './programs.ts';
import { logInWith, type StanzaClient } from './stanza-client.ts';
import { within } from '../support/wait.ts';

export interface SharedFile {
  /** Of the message. */
  readonly id: string;
  readonly url: string;
}

export interface SharingClient extends StanzaClient {
  /** Uploads a file and sends a message about it. */
  share(to: string, path: string): Promise<SharedFile>;
}

const command = pythonClient('sharing.py');
const shareTimeoutMs = 15_000;

export async function logInSharing(login: Login): Promise<SharingClient> {
  const waiting: PromiseWithResolvers<SharedFile>[] = [];
  const client = await logInWith(command, login, {}, (event, words) => {
    const [first, url] = words.split(' ');
    if (event === 'shared') waiting.shift()?.resolve({ id: first!, url: url! });
    if (event === 'unshared')
      waiting.shift()?.reject(new Error(Buffer.from(first!, 'base64').toString('utf8')));
  });
  return Object.assign(client, {
    share(to: string, path: string) {
      const shared = Promise.withResolvers<SharedFile>();
      waiting.push(shared);
      client.command(`share ${to} ${Buffer.from(path).toString('base64')}`);
      return within(shareTimeoutMs, 'share a file', shared.promise);
    },
  });
}
