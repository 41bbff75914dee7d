/** The outcome of one attempt of a client to authenticate to the proxy by a token.
 *  - `ok`: the gatekeeper accepted the token.
 *  - `malformed`: a mechanism that is not offered, or a malformed message.
 *  - `token`: the token is refused, with the code of the reason.
 *  - `other-subject`: the token is for another identifier than the claimed one.
 *  - `unavailable`: the provider's keys could not be fetched.
 *  - `aborted`: the client aborted.
 *  - `gatekeeper`: the gatekeeper refused the token. */
export const reauthenticationOutcomes = [
  'ok', 'malformed', 'token', 'other-subject', 'unavailable', 'aborted', 'gatekeeper',
] as const; // prettier-ignore
export type ReauthenticationOutcome = (typeof reauthenticationOutcomes)[number];
