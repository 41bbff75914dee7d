/** A slixmpp client that advertises capabilities, verifies those of others, and sends what the test writes. */
import type { Login } from './client.ts';
import { pythonClient } from './programs.ts';
import { logInWith, type StanzaClient } from './stanza-client.ts';

export interface CapableClient extends StanzaClient {
  /** `ver`s of others that slixmpp has verified, or found to be false. */
  readonly verified: readonly string[];
  readonly rejected: readonly string[];
}

const command = pythonClient('capable.py');

/** Logs in with features in addition to slixmpp's own. */
export async function logInCapable(login: Login, features: readonly string[] = []): Promise<CapableClient> {
  const verified: string[] = [];
  const rejected: string[] = [];
  const client = await logInWith(command, login, { PEER_FEATURES: features.join(' ') }, (event, ver) => {
    if (event === 'verified') verified.push(ver);
    else if (event === 'rejected') rejected.push(ver);
  });
  return Object.assign(client, { verified, rejected });
}
