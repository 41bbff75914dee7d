/** What an operator gets to see of what people say: nothing. Every place on the wire holds a value that stands nowhere
 *  else; then logs, traces, metrics, answers of the admin port and what is printed are searched for them, however
 *  written. */
import { describe, expect, it } from 'vitest';
import { Canaries } from './canary.ts';
import { playRequests } from './requests.ts';
import { openScene } from './scene.ts';
import {
  playBreakingClients,
  playBreakingGatekeepers,
  playConversation,
  playNegotiations,
  playReauthentications,
} from './streams.ts';

describe.each(['balanced', 'strict'])('the operator of a proxy under %s', (policy) => {
  it('receives counts and closed words, and no value from the wire', async () => {
    const canaries = new Canaries();
    const scene = await openScene(policy, canaries);
    const { proxy, collector } = scene;
    const { sealed } = await playConversation(scene);
    const streamCodes = [
      ...(await playBreakingClients(scene)),
      ...(await playBreakingGatekeepers(scene)),
      ...(await playNegotiations(scene)),
    ].filter((code) => code.startsWith('ERR_'));
    await playReauthentications(scene);
    await scene.poll();
    const httpCodes = await playRequests(scene, sealed);
    await scene.poll();
    // A refusal is counted at the end of its session, which may wait for the gatekeeper.
    const patient = { timeout: 60_000, interval: 500 };
    await expect.poll(() => scene.watch('/metrics'), patient).toMatch(/^narthex_sessions 0$/m);
    const metrics = await scene.watch('/metrics');
    expect(await scene.close()).toBe(0);

    // What was to happen has happened.
    const counted = (metric: string): string[] =>
      [...metrics.matchAll(new RegExp(`^${metric}\\{code="(\\w+)"\\} [1-9]`, 'gm'))].map(([, code]) => code!);
    expect(counted('narthex_refusals_total')).toEqual(expect.arrayContaining([...new Set(streamCodes)]));
    expect(counted('narthex_http_refusals_total')).toEqual(expect.arrayContaining([...new Set(httpCodes)]));
    for (const metric of ['narthex_refusals_total', 'narthex_http_refusals_total'])
      expect(counted(metric)).not.toContain('ERR_INTERNAL');
    expect(new Set(collector.spans().map(({ name }) => name))).toEqual(
      new Set(['session', 'request', 'tls', 'dial', 'authentication', 'close']),
    );
    const events = new Set(proxy.log.map(({ event }) => event));
    for (const event of ['session.opened', 'session.refused', 'session.closed', 'http.refused', 'push.delivered', 'media.ended', 'session.reauthenticated'])
      expect(events).toContain(event); // prettier-ignore
    expect(canaries.places.length).toBeGreaterThan(250);
    expect(canaries.places.filter((place) => place.startsWith('support code')).length).toBeGreaterThan(40);

    const seen = { printed: proxy.printed(), traces: collector.raw(), admin: scene.watched() };
    for (const [where, text] of Object.entries(seen))
      expect({ where, found: canaries.found(text) }).toEqual({ where, found: [] });
  });
});
