import { timingSafeEqual } from 'node:crypto';
import type { Accounts } from '../server/accounts.ts';
import { decodeUtf8, failure, type ImmediateExchange, type SaslStep } from './mechanism.ts';
import { deriveCredentials } from './scram.ts';

/** Makes the server's exchange of PLAIN (RFC 4616): `authzid NUL authcid NUL password`, offered inside TLS only. */
export function plainExchange(accounts: Accounts): ImmediateExchange {
  return {
    step(message): SaslStep {
      const parts = decodeUtf8(message)?.split('\0');
      if (parts?.length !== 3) return failure('malformed-request');
      const [authzid, authcid, password] = parts as [string, string, string];
      if (authcid === '' || password === '') return failure('malformed-request');
      const account = accounts.find(authcid);
      // An unknown user costs the same derivation as a known one.
      const { salt, iterations, storedKey } = (account ?? accounts.decoy(authcid)).credentials.sha256;
      const offered = deriveCredentials('sha256', password, salt, iterations).storedKey;
      const matches = timingSafeEqual(offered, storedKey);
      if (account === undefined || !matches) return failure('not-authorized');
      if (!accounts.mayActAs(account, authzid)) return failure('invalid-authzid');
      return { kind: 'success', account };
    },
  };
}
