/** The published attack with real clients through a running proxy, in short: `npm run long -- timing` has the figures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accuracyOf, type Sample } from '../../session/timing/classifier.ts';
import { farApart } from '../../session/timing/latency.ts';
import { Random } from '../../support/random.ts';
import { startDevices, type Devices } from './devices.ts';

const probes = 8;

describe.each(['passthrough', 'balanced'])('receipts of @xmpp/client under %s', (policy) => {
  let devices: Devices;
  let samples: readonly Sample[];
  beforeAll(async () => {
    devices = await startDevices({ policy, devices: 12 });
    samples = await devices.observe(farApart, probes, 250, new Random(5));
  });
  afterAll(() => devices?.close());

  it('come, every one of them', () => {
    expect(samples.flatMap(({ observation }) => observation)).toHaveLength(12 * probes);
  });

  it.runIf(policy === 'passthrough')('tell the state of the device', () => {
    // On a busy machine both states are slower, but the order stays.
    expect(accuracyOf(samples, samples, probes)).toBeGreaterThan(0.9);
  });

  it.runIf(policy === 'balanced')('come no sooner than three seconds after their message', () => {
    const times = samples.flatMap(({ observation }) => observation.map((time) => time ?? 0));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(2_999);
  });
});
