/** What the gatekeeper's codes mean: reasons of a refused login, and `stream:error` (docs/chat-channel.md). The numbers
 *  are reverse-engineered. */
import type { AuthenticationErrorCode } from '../../errors/authentication.ts';
import type { StreamErrorCode } from '../../errors/stream.ts';
import { StreamError, type StreamCondition } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { SaslCondition } from '../authentication/sasl-profile.ts';

export interface LoginRefusal {
  readonly condition: SaslCondition;
  readonly code: AuthenticationErrorCode;
}

const account = { condition: 'not-authorized', code: 'ERR_CHAT_LOGIN_ACCOUNT' } as const;
const disabled = { condition: 'account-disabled', code: 'ERR_CHAT_LOGIN_ACCOUNT' } as const;
const later = { condition: 'temporary-auth-failure', code: 'ERR_CHAT_LOGIN_TEMPORARY' } as const;
const other = { condition: 'temporary-auth-failure', code: 'ERR_CHAT_LOGIN_OTHER' } as const;

const loginRefusals: ReadonlyMap<number, LoginRefusal> = new Map<number, LoginRefusal>([
  [401, account],
  [402, later],
  [403, disabled],
  [405, { condition: 'temporary-auth-failure', code: 'ERR_CHAT_LOGIN_OUTDATED' }],
  [406, disabled],
  [409, { condition: 'temporary-auth-failure', code: 'ERR_CHAT_LOGIN_USER_AGENT' }],
  [413, { condition: 'credentials-expired', code: 'ERR_CHAT_LOGIN_TOKEN' }],
  [414, { condition: 'not-authorized', code: 'ERR_CHAT_LOGIN_TOKEN' }],
  [415, account],
  [418, account],
  [500, later],
  [501, later],
  [503, later],
]);

/** Returns the SASL failure for the reason of a refused login; undefined stands for a failure without one. */
export function loginRefusal(reason: number | undefined): LoginRefusal {
  return (reason === undefined ? undefined : loginRefusals.get(reason)) ?? other;
}

/** Whether a login could be refused because the account was enlisted with another key. */
export function mayBeOtherKey(reason: number | undefined): boolean {
  return loginRefusal(reason) === account;
}

type Ending = readonly [condition: StreamCondition, code: StreamErrorCode];

const endings: Readonly<Record<string, Ending>> = {
  '401': ['not-authorized', 'ERR_CHANNEL_REMOVED'],
  '409': ['conflict', 'ERR_CHANNEL_CONFLICT'],
  '429': ['policy-violation', 'ERR_CHANNEL_RATE'],
  '503': ['system-shutdown', 'ERR_CHANNEL_SHUTDOWN'],
  '515': ['reset', 'ERR_CHANNEL_RESTART'],
  '516': ['not-authorized', 'ERR_CHANNEL_REMOVED'],
};

/** Returns the error that ends the session after the gatekeeper's `stream:error`. */
export function endingOf(streamError: Stanza): StreamError {
  const [condition, code] = ending(streamError);
  return new StreamError(condition, { code });
}

function ending(streamError: Stanza): Ending {
  for (const child of streamError.children()) {
    if (streamError.is(child, ns.chat, 'conflict'))
      return streamError.attributeValue(child, 'type') === 'device_removed'
        ? endings['401']!
        : endings['409']!;
    if (streamError.is(child, ns.chat, 'ack')) return ['undefined-condition', 'ERR_CHANNEL_ACK'];
  }
  const code = streamError.attributeValue(0, 'code') ?? '';
  return Object.hasOwn(endings, code) ? endings[code]! : ['undefined-condition', 'ERR_CHANNEL_ENDED'];
}
