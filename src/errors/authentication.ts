/** Reasons for which an authentication to the proxy fails, other than the token itself (`token.ts`): SASL failures of
 *  `channelBinding: reauthenticate`, and refusals of a gatekeeper on the chat channel, by the reason that it states. */
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
  ERR_CHAT_LOGIN_ACCOUNT: {
    cause:
      'The gatekeeper refuses the account (reasons 401, 403, 406, 415, 418): it is not enlisted, its enlistment has ' +
      'ended, or it was enlisted with another key.',
    remedy:
      'Have the client enlist again; see whether `chat.accountSecretFiles` still has the secret of its enlistment.',
  },
  ERR_CHAT_LOGIN_TOKEN: {
    cause: 'The gatekeeper refuses the ownership token (reasons 413, 414).',
    remedy: 'Compare issuer, audience and life of the tokens with what the gatekeeper asks for.',
  },
  ERR_CHAT_LOGIN_TEMPORARY: {
    cause: 'The gatekeeper refuses the login for a time (reasons 402, 500, 501, 503).',
    remedy: 'None needed: clients try again.',
  },
  ERR_CHAT_LOGIN_OUTDATED: {
    cause:
      'The gatekeeper says that the version of the protocol is outdated (reason 405). No client can log in.',
    remedy:
      'Set `chat.appVersion` to a version that the gatekeeper takes; see whether a newer Narthex is out.',
  },
  ERR_CHAT_LOGIN_USER_AGENT: {
    cause: 'The gatekeeper refuses the description of the client (reason 409). No client can log in.',
    remedy: 'Correct `chat.platform` and `chat.appVersion`.',
  },
  ERR_CHAT_LOGIN_OTHER: {
    cause: 'The gatekeeper refuses the login for a reason that is not known here.',
    remedy: "See the gatekeeper's documentation, and its support.",
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type AuthenticationErrorCode = keyof typeof authenticationErrors;

export const authenticationErrorCodes = Object.keys(
  authenticationErrors,
) as readonly AuthenticationErrorCode[];
