/** What came of one attempt of a client to authenticate to the proxy by a token.
 *  - `ok`: the gatekeeper took the token.
 *  - `malformed`: no mechanism, message or base64 that is offered or legal.
 *  - `token`: the token proves nothing; with the code of the reason.
 *  - `other-subject`: it proves the ownership of another identifier than the one claimed.
 *  - `unavailable`: the provider's keys could not be had.
 *  - `aborted`: the client gave up.
 *  - `gatekeeper`: the gatekeeper refused the token. */
export const reauthenticationOutcomes = [
  'ok', 'malformed', 'token', 'other-subject', 'unavailable', 'aborted', 'gatekeeper',
] as const; // prettier-ignore
export type ReauthenticationOutcome = (typeof reauthenticationOutcomes)[number];
