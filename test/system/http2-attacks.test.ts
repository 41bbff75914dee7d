/** Every flood of HTTP/2 against a served proxy, a few connections each (all of it, with CPU and memory:
 *  `npm run long -- http2-attacks`). Counts of work, no times. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attack, startTarget, type Target } from '../http/attacks/attacker.ts';
import { baselines, floods } from '../http/attacks/floods.ts';

const connections = 3;

describe('floods of HTTP/2', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target.close());

  const total = (counts: Record<string, number>): number =>
    ['ERR_HTTP2_FRAMES', 'ERR_HTTP2_HEADERS'].reduce((sum, code) => sum + counts[code]!, 0);

  it.each(floods.filter(({ refused }) => refused))(
    '$name: each connection is ended at its limit, and counted',
    async (flood) => {
      const before = total(await target.refusals());
      const { refused } = await attack(target, flood, connections);
      expect(refused).toBe(connections);
      expect(total(await target.refusals()) - before).toBe(connections);
      // The stream of a client goes on.
      expect(await target.echo()).toBeGreaterThan(0);
    },
  );

  it.each([...baselines, ...floods].filter(({ refused }) => !refused))(
    '$version, $name: no connection is ended for a fault',
    async (flood) => {
      const before = total(await target.refusals());
      const { refused } = await attack(target, flood, connections);
      expect(refused).toBe(0);
      expect(total(await target.refusals())).toBe(before);
      expect(await target.echo()).toBeGreaterThan(0);
    },
  );
});

describe('floods of HTTP/2 behind a load balancer (PROXY protocol)', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget({ behindBalancer: true });
  });
  afterAll(() => target.close());

  it.each(floods.filter(({ name }) => ['SETTINGS', 'CONTINUATION (CVE-2024-27316)'].includes(name)))(
    '$name: each connection is ended at its limit, and counted',
    async (flood) => {
      const { refused } = await attack(target, flood, connections);
      expect(refused).toBe(connections);
      const code = flood.name === 'SETTINGS' ? 'ERR_HTTP2_FRAMES' : 'ERR_HTTP2_HEADERS';
      expect(await target.refusals()).toMatchObject({ [code]: connections });
      expect(await target.echo()).toBeGreaterThan(0);
    },
  );
});
