/** The users of the server: credentials, contact lists and push nodes. */
import { createHmac, randomBytes } from 'node:crypto';
import { SimulatorError } from '../error.ts';
import { bareJid, parseJid, prepareLocal } from '../jid.ts';
import { deriveCredentials, type ScramCredentials, type ScramHash } from '../sasl/scram.ts';

export interface User {
  readonly username: string;
  /** Without one, the user can only log in with a token. */
  readonly password?: string;
}

/** A user's name and groups for a contact (RFC 6121 §2.1.2). */
export interface RosterNote {
  readonly name: string | undefined;
  readonly groups: readonly string[];
}

export interface Account {
  /** Localpart, case-folded. */
  readonly username: string;
  /** Bare JID. */
  readonly jid: string;
  readonly credentials: Readonly<Record<ScramHash, ScramCredentials>>;
  /** Notes by bare JID of the contact. */
  readonly rosterNotes: Map<string, RosterNote>;
  /** Nodes that wake the user's devices (XEP-0357). */
  readonly pushNodes: Set<string>;
}

/** The users of the simulator. All are contacts of each other, subscribed both ways. */
export interface Accounts {
  readonly all: readonly Account[];
  find(username: string): Account | undefined;
  /** Returns credentials for a user that does not exist, the same at each call. */
  decoy(username: string): Pick<Account, 'credentials'>;
  /** Returns whether an account may use this authorization identity: none, or its own (RFC 6120 §6.3.8). */
  mayActAs(account: Account, authzid: string): boolean;
}

/** Makes the accounts.
 *  @throws SimulatorError `ERR_SIMULATOR_OPTIONS` for names that are no localparts, or occur twice */
export function createAccounts(domain: string, users: readonly User[], iterations: number): Accounts {
  const secret = randomBytes(32);
  const byName = new Map<string, Account>();
  for (const user of users) {
    const username = prepareLocal(user.username);
    if (username === undefined || byName.has(username))
      throw new SimulatorError('ERR_SIMULATOR_OPTIONS', 'a username is no localpart or occurs twice');
    byName.set(username, {
      username,
      jid: bareJid({ local: username, domain, resource: '' }),
      credentials:
        user.password === undefined
          ? decoyCredentials(randomBytes(16), iterations)
          : credentialsOf(user.password, randomBytes(16), iterations),
      rosterNotes: new Map(),
      pushNodes: new Set(),
    });
  }
  return {
    all: [...byName.values()],
    find: (username) => byName.get(prepareLocal(username) ?? ''),
    decoy: (username) => {
      const salt = createHmac('sha256', secret).update(username).digest().subarray(0, 16);
      return { credentials: decoyCredentials(salt, iterations) };
    },
    mayActAs(account, authzid) {
      if (authzid === '') return true;
      const jid = parseJid(authzid);
      return jid !== undefined && jid.resource === '' && bareJid(jid) === account.jid;
    },
  };
}

function credentialsOf(password: string, salt: Buffer, iterations: number) {
  return {
    sha1: deriveCredentials('sha1', password, salt, iterations),
    sha256: deriveCredentials('sha256', password, salt, iterations),
  };
}

function decoyCredentials(salt: Buffer, iterations: number) {
  return {
    sha1: { salt, iterations, ...unmatchedKeys(20) },
    sha256: { salt, iterations, ...unmatchedKeys(32) },
  };
}

/** Returns keys that no password matches. */
function unmatchedKeys(bytes: number) {
  return { storedKey: randomBytes(bytes), serverKey: randomBytes(bytes) };
}
