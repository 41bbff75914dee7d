/** Notifies a provider that a user who is offline has a message: a signed call, repeated while the provider cannot
 *  accept it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatorError } from '../error.ts';
import { header, json, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';
import type { TokenIssuer } from '../token/issuer.ts';

/** The content of a notification, with everything that a gatekeeper might send. */
export interface PushNotification {
  /** By default a random one. */
  readonly id?: string;
  /** Node of the device (XEP-0357 §5). */
  readonly recipient: string;
  /** Bare JID of the sender. */
  readonly sender: string;
  /** Text that a device would show. */
  readonly body: string;
  /** Number of waiting messages. */
  readonly count: number;
}

export interface PushSenderOptions {
  /** The intermediary's address for notifications. */
  readonly url: string;
  readonly issuer: TokenIssuer;
  readonly caller: Caller;
  /** Most attempts, and the longest pause between two in milliseconds, whatever Retry-After says. Default: 5, and
   *  1,000 ms. */
  readonly attemptsMax?: number;
  readonly pauseMaxMs?: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

/** - `taken`: the intermediary has accepted it.
 *  - `gone`: the device no longer exists.
 *  - `refused`: it will never be accepted, with the status.
 *  - `given-up`: every attempt failed temporarily. */
export type PushOutcome =
  | { readonly kind: 'taken' | 'gone' | 'given-up'; readonly attempts: number }
  | { readonly kind: 'refused'; readonly status: number; readonly attempts: number };

export interface PushSender {
  push(notification: PushNotification): Promise<PushOutcome>;
}

const firstPauseMs = 50;

/** Makes a sender; the audience of its calls is the address. */
export function createPushSender(options: PushSenderOptions): PushSender {
  const { url, issuer } = options;
  return {
    push(notification) {
      // One id for all attempts, so that a repeated one is not a second push.
      const body = json({ id: randomBytes(9).toString('base64url'), ...notification });
      return repeated(
        body,
        () => issuer.sign({ subject: issuer.issuer, audience: url, lifetimeS: 60 }),
        options,
      );
    },
  };
}

/** Sends a notification until it is accepted or refused for good.
 *  @param sign makes the token of one attempt */
export async function repeated(
  body: Buffer,
  sign: () => Promise<string>,
  options: PushSenderOptions,
): Promise<PushOutcome> {
  const { attemptsMax = 5, pauseMaxMs = 1_000 } = options;
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await attempt(body, await sign(), options);
    if (outcome.kind !== 'later') return { ...outcome, attempts };
    if (attempts === attemptsMax) return { kind: 'given-up', attempts };
    await sleep(Math.min(outcome.pauseMs ?? firstPauseMs * 2 ** (attempts - 1), pauseMaxMs));
  }
}

type Attempt =
  | { readonly kind: 'taken' | 'gone' }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'later'; readonly pauseMs: number | undefined };

async function attempt(
  body: Buffer,
  token: string,
  { url, caller, onExchange }: PushSenderOptions,
): Promise<Attempt> {
  try {
    const exchange = await send(
      {
        method: 'POST',
        url,
        headers: [
          ['Content-Type', 'application/json'],
          ['Authorization', `Bearer ${token}`],
          ['User-Agent', 'gatekeeper-push/12 (edge-fra-17)'],
        ],
        body,
      },
      caller,
    );
    onExchange?.(exchange);
    return judge(exchange);
  } catch (error) {
    if (error instanceof SimulatorError) return { kind: 'later', pauseMs: undefined };
    throw error;
  }
}

function judge({ answer }: HttpExchange): Attempt {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status === 410) return { kind: 'gone' };
  if (status < 500 && status !== 429) return { kind: 'refused', status };
  const seconds = Number(header(answer, 'retry-after'));
  return { kind: 'later', pauseMs: seconds > 0 ? seconds * 1000 : undefined };
}
