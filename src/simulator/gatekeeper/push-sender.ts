/** How the gatekeeper tells a provider that a user who is away has a message: a signed call, repeated while the other
 *  side says that it cannot take it now. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatorError } from '../error.ts';
import { header, json, type HttpExchange } from '../http/message.ts';
import { send, type Caller } from '../http/request.ts';
import type { TokenIssuer } from '../token/issuer.ts';

/** What a gatekeeper knows and might say. */
export interface PushNotification {
  /** Node of the device (XEP-0357 §5). */
  readonly recipient: string;
  /** Bare JID of who wrote. */
  readonly sender: string;
  /** What a notification would show. */
  readonly body: string;
  /** Messages that wait. */
  readonly count: number;
}

export interface PushSenderOptions {
  /** Where the intermediary takes notifications; also the audience of the signed call. */
  readonly url: string;
  readonly issuer: TokenIssuer;
  readonly caller: Caller;
  /** Attempts in all, and the longest pause between two, whatever Retry-After says. Default: 5, and 1,000 ms. */
  readonly attemptsMax?: number;
  readonly pauseMaxMs?: number;
  readonly onExchange?: (exchange: HttpExchange) => void;
}

/** - `taken`: the other side has it.
 *  - `gone`: no such device any more.
 *  - `refused`: it will never be taken, with the status.
 *  - `given-up`: every attempt failed for the time being. */
export type PushOutcome =
  | { readonly kind: 'taken' | 'gone' | 'given-up'; readonly attempts: number }
  | { readonly kind: 'refused'; readonly status: number; readonly attempts: number };

export interface PushSender {
  push(notification: PushNotification): Promise<PushOutcome>;
}

const firstPauseMs = 50;

export function createPushSender(options: PushSenderOptions): PushSender {
  const { url, issuer, attemptsMax = 5, pauseMaxMs = 1_000 } = options;
  return {
    async push(notification) {
      // One id for all attempts, so that a repeated one is not a second push.
      const body = json({ id: randomBytes(9).toString('base64url'), ...notification });
      for (let attempts = 1; ; attempts += 1) {
        const token = await issuer.sign({ subject: issuer.issuer, audience: url, lifetimeS: 60 });
        const outcome = await attempt(body, token, options);
        if (outcome.kind !== 'later') return { ...outcome, attempts };
        if (attempts === attemptsMax) return { kind: 'given-up', attempts };
        await sleep(Math.min(outcome.pauseMs ?? firstPauseMs * 2 ** (attempts - 1), pauseMaxMs));
      }
    },
  };
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
