/** Reads every route of a proxy's admin port, as an operator does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.ts';

/** Answers of the admin port. */
export interface AdminAnswers {
  readonly metrics: string;
  /** Heads and bodies of every other route. */
  readonly others: string;
}

const metricsPath = '/metrics';
const paths = [
  '/livez',
  '/readyz',
  '/startupz',
  '/api/sessions',
  '/api/policy',
  '/api/exposure',
  '/api/refusals/AAAAAAAA',
  '/audit',
];

/** Asks every route that changes nothing, and explains one stanza without a canary.
 *  @param url `http://host:port`
 *  @throws TypeError when nothing answers */
export async function readAdmin(url: string): Promise<AdminAnswers> {
  const ask = async (path: string, init?: RequestInit): Promise<string> => {
    const answer = await fetch(`${url}${path}`, init);
    return `${answer.status}\n${[...answer.headers].join('\n')}\n${await answer.text()}`;
  };
  const explain = ask('/api/policy/explain', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: 'client', stanza: "<presence xmlns='jabber:client'/>" }),
  });
  const others = await Promise.all([...paths.map((path) => ask(path)), explain]);
  return { metrics: await ask(metricsPath), others: others.join('\n') };
}

const pollMs = 50;

/** Waits until the proxy has no session. @param timeoutMs the longest wait */
export async function sessionsEnded(url: string, timeoutMs: number): Promise<void> {
  const deadline = systemClock.monotonic() + timeoutMs;
  while (systemClock.monotonic() < deadline) {
    const metrics = await (await fetch(`${url}${metricsPath}`)).text();
    if (!/^narthex_sessions(\{[^}]*\})? [1-9]/m.test(metrics)) return;
    await sleep(pollMs);
  }
}
