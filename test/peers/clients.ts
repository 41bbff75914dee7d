/** Every client the interoperability tests log in with, each as it comes from its makers. */
import { fileURLToPath } from 'node:url';
import { logIn, type Login, type PeerClient, type Program } from './client.ts';
import { compiledC } from './compiled.ts';
import { logInGoSendxmpp } from './go-sendxmpp.ts';
import { pythonClient } from './programs.ts';
import type { PeerName } from './require.ts';

export interface ClientKind {
  readonly name: string;
  /** What has to be installed for it; npm packages need nothing. */
  readonly needs: readonly PeerName[];
  /** `plain`: it has no SCRAM (RFC 5802), and logs in with PLAIN (RFC 4616) inside TLS. */
  readonly authentication: 'scram' | 'plain';
  /** It ends every body it sends with a line feed. */
  readonly addsLineFeed: boolean;
  logIn(login: Login): Promise<PeerClient>;
}

export const xmppJs: Program = async () => ({
  program: process.execPath,
  args: [fileURLToPath(new URL('./javascript/client.mjs', import.meta.url))],
});

const slixmpp: Program = async () => pythonClient('client.py');

export const aioxmpp: Program = async () => pythonClient('aio.py');

export const nbxmpp: Program = async () => pythonClient('nbx.py');

const xmppJsCapable: Program = async () => ({
  program: process.execPath,
  args: [fileURLToPath(new URL('./javascript/capable.mjs', import.meta.url))],
});

export const libstrophe = compiledC('client.c', 'strophe');

export const xmppJsClient: ClientKind = {
  name: '@xmpp/client',
  needs: [],
  authentication: 'scram',
  addsLineFeed: false,
  logIn: (login) => logIn(xmppJs, login),
};

export const slixmppClient: ClientKind = {
  name: 'slixmpp',
  needs: ['slixmpp'],
  authentication: 'scram',
  addsLineFeed: false,
  logIn: (login) => logIn(slixmpp, login),
};

export const libstropheClient: ClientKind = {
  name: 'libstrophe',
  needs: ['libstrophe'],
  authentication: 'scram',
  addsLineFeed: false,
  logIn: (login) => logIn(libstrophe, login),
};

export const aioxmppClient: ClientKind = {
  name: 'aioxmpp',
  needs: ['aioxmpp'],
  authentication: 'scram',
  addsLineFeed: false,
  logIn: (login) => logIn(aioxmpp, login),
};

/** Gajim's library. */
export const nbxmppClient: ClientKind = {
  name: 'nbxmpp',
  needs: ['nbxmpp'],
  authentication: 'scram',
  addsLineFeed: false,
  logIn: (login) => logIn(nbxmpp, login),
};

/** Debian 12 has it with a library that knows PLAIN, DIGEST-MD5 and X-OAUTH2, and takes PLAIN. */
const goSendxmppClient: ClientKind = {
  name: 'go-sendxmpp',
  needs: ['go-sendxmpp'],
  authentication: 'plain',
  addsLineFeed: true,
  logIn: logInGoSendxmpp,
};

/** One of @xmpp/client that advertises its capabilities, and hears and sends nothing else. */
export const logInCapableXmppJs = (login: Login): Promise<PeerClient> => logIn(xmppJsCapable, login);

export const clients = [
  xmppJsClient,
  slixmppClient,
  libstropheClient,
  aioxmppClient,
  goSendxmppClient,
] as const;

/** Those with stream management that can resume a stream (XEP-0198 §5). */
export const resumingClients = [
  xmppJsClient,
  slixmppClient,
  libstropheClient,
  aioxmppClient,
  nbxmppClient,
] as const;
