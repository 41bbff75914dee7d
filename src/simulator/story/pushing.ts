/** What both stories say of a push: the gatekeeper wakes a phone after an attempt that the provider has refused. */
import type { PushOutcome } from '../gatekeeper/push-sender.ts';
import type { HttpExchange } from '../http/message.ts';
import { known, until } from './calls.ts';
import type { StepNotes } from './telling.ts';

export interface PushRecords {
  readonly gatekeeper: {
    readonly pushes: readonly { readonly outcome: PushOutcome }[];
    readonly http: readonly { readonly through: string; readonly exchange: HttpExchange }[];
  };
  readonly provider: { readonly http: readonly HttpExchange[] };
}

/** Waits for the outcome of the push, and shows its last request.
 *  @param accepted status of the answer once the provider has it
 *  @returns the request as the provider has received it */
export async function followPush(
  { gatekeeper, provider }: PushRecords,
  notes: StepNotes,
  accepted: number,
): Promise<HttpExchange['request']> {
  const { outcome } = await until(() => gatekeeper.pushes.at(-1), 'no push was sent');
  const calls = gatekeeper.http.filter(({ through }) => through === 'push').map(({ exchange }) => exchange);
  const taken = provider.http.filter(({ request }) => request.target === '/push');
  const sent = known(calls.at(-1), 'no push left').request;
  const received = known(taken.at(-1), 'no push reached the provider').request;
  notes.shows({ kind: 'request', from: 'the gatekeeper', to: 'the provider', sent, received });
  notes.finds(
    outcome.kind === 'taken' && (calls[0]?.answer.status ?? 0) >= 500 && outcome.attempts > 1,
    `answered with ${calls[0]?.answer.status}, the gatekeeper tried again; it got ${accepted} once the provider had it`,
  );
  return received;
}
