/** Reasons for which the proxy itself refuses an authentication, other than by the token (`token.ts`): SASL failures
 *  of `channelBinding: reauthenticate`. */
import type { ErrorRow } from './row.ts';

export const authenticationErrors = {
  ERR_AUTHENTICATION_MALFORMED: {
    cause: 'A client chose a mechanism that is not offered, or sent a message that is none of the mechanism.',
    remedy: 'Have the client authenticate by OAUTHBEARER, or by PLAIN with the token as the password.',
  },
  ERR_AUTHENTICATION_SUBJECT: {
    cause: 'The token of a client proves the ownership of another identifier than the one it claims.',
    remedy: 'Have the client log in under the identifier that its token is for.',
  },
  ERR_AUTHENTICATION_UNAVAILABLE: {
    cause: 'The token of a client could not be verified: the keys of the provider could not be had.',
    remedy: 'Check `provider.jwksUri`, and whether the proxy reaches it.',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type AuthenticationErrorCode = keyof typeof authenticationErrors;
