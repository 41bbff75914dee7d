/** The bench runs: its load generator brings up sessions through each contender, and its figures are of what it says. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOut, workingTree } from '../bench/checkout.ts';
import type { AccountSamples } from '../bench/clock-account.ts';
import {
  startHaproxy,
  startNarthex,
  startPipe,
  startReserialiser,
  writeCredentials,
  type Contender,
  type NarthexSettings,
} from '../bench/contenders.ts';
import { Load } from '../bench/load.ts';
import { cpuMicroseconds } from '../bench/pinned.ts';
import { chat, omemo } from '../bench/shapes.ts';
import { describeWithPeers } from '../peers/require.ts';

const sessions = 4;
const roundMs = 50;
const strict: NarthexSettings = { policy: 'strict', capabilities: true };

describeWithPeers(['openssl headers', 'haproxy'], 'the load generator', () => {
  let around: Awaited<ReturnType<typeof writeCredentials>>;
  let load: Load;
  const started: Contender[] = [];

  beforeAll(async () => {
    around = await writeCredentials();
    load = await Load.start(around.credentials);
  });

  afterAll(async () => {
    await Promise.all(started.map((contender) => contender.stop()));
    await load[Symbol.asyncDispose]();
    await around.folder[Symbol.asyncDispose]();
  });

  const surroundings = (): Parameters<typeof startPipe>[0] => ({ ...around, upstream: load.port });

  async function open(set: number, contender: Promise<Contender | undefined>): Promise<Contender> {
    const up = (await contender)!;
    started.push(up);
    await load.open(set, up.port, sessions);
    return up;
  }

  it.each([
    ['the pipe', () => startPipe(surroundings())],
    ['HAProxy', () => startHaproxy(surroundings())],
    ['a proxy on @xmpp/xml', () => startReserialiser(surroundings())],
    ['narthex under strict with capabilities', () => startNarthex(workingTree, strict, surroundings())],
  ])('exchanges messages of each shape through %s', async (name, start) => {
    const set = started.length;
    const contender = await open(set, start());
    for (const [shape, byteLength] of [
      [chat, 300],
      [omemo(8), 2_560],
      [chat, 8_192],
    ] as const) {
      // prettier-ignore
      await load.shape(shape, byteLength);
      const before = cpuMicroseconds(contender.pid);
      const loop = await contender.loop();
      // Round trips that do not reach the gatekeeper are an error of the round.
      const { roundTrips, latency } = await load.round(set, roundMs, 0);
      expect(roundTrips, `${name}, ${shape.name}`).toBeGreaterThanOrEqual(sessions);
      expect(latency.p99).toBeGreaterThanOrEqual(latency.p50);
      expect(cpuMicroseconds(contender.pid)).toBeGreaterThan(before);
      const events = ((await contender.loop())?.events ?? 0) - (loop?.events ?? 0);
      // Each round trip is two chunks to read; several may come as one event.
      if (loop !== undefined) expect(events).toBeGreaterThan(0);
    }
  });

  it('sends at most the requested rate', async () => {
    await load.shape(chat, 300);
    const { roundTrips, late } = await load.round(0, roundMs, 100);
    expect(roundTrips + late).toBeLessThanOrEqual((100 * roundMs) / 1_000 + 1);
  });

  it.each(['passthrough', 'strict'] as const)('reads clocks in a proxy under %s', async (policy) => {
    const node = ['--import', join(import.meta.dirname, '../bench/account-narthex.ts')];
    const set = started.length;
    const contender = await open(
      set,
      startNarthex(workingTree, { policy, capabilities: false, node }, surroundings()),
    );
    await load.shape(chat, 300);
    await load.round(set, roundMs, 0);
    await contender.ask('account:reset');
    await load.round(set, roundMs, 0);
    const samples = (await contender.ask('account:read')) as AccountSamples;
    expect(Object.keys(samples)).toEqual(['scan', 'judge', 'dispatch', 'render', 'write']);
    expect(samples['scan']!.length).toBeGreaterThan(0);
    // A policy that changes nothing writes nothing anew. What a batch of reads writes is in its last sample.
    for (const [section, times] of Object.entries(samples))
      expect(Math.max(...times) > 0, section).toBe(section !== 'render' || policy === 'strict');
  });

  it('shakes hands', async () => {
    await load.handshakes(started[0]!.port, 12, 4);
  });
});

describe('a checkout of another revision', () => {
  it('has its sources and these dependencies, and removes itself', async () => {
    let root: string;
    {
      await using checkout = await checkOut('HEAD');
      root = checkout.root;
      expect(checkout.suffix).toMatch(/^ @[0-9a-f]{7,}$/);
      expect(existsSync(join(root, 'src/cli/narthex.js'))).toBe(true);
      expect(existsSync(join(root, 'node_modules/typescript/package.json'))).toBe(true);
    }
    expect(existsSync(root)).toBe(false);
    await expect(checkOut('no-such-revision')).rejects.toThrow();
  });
});
