import { describe, expect, it } from 'vitest';
import { AggregatedMetrics } from '../../src/observability/aggregate.ts';
import { label } from '../../src/observability/label.ts';
import { metricTable } from '../../src/observability/metric-table.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts';

const worker = (): Metrics => createMetrics({ version: '1', processMetrics: false });

/** Value of a sample; NaN for none. */
function valueOf(text: string, sample: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? Number.NaN);
}

const sessionsTotal = 'narthex_sessions_total{listener="clients"}';

/** Returns what a scrape shows while these workers run. */
const textOf = (all: AggregatedMetrics, ...live: readonly Metrics[]): Promise<string> =>
  all.text(Promise.all(live.map((each) => each.snapshot())));

describe('metrics of several workers', () => {
  it('add up, where a sum says something', async () => {
    const [one, other] = [worker(), worker()];
    one.sessionOpened(label('clients'));
    other.sessionOpened(label('clients'));
    other.traffic['to-client'].message += 3;
    other.dialled(label('main'), 'connected', 0.02);
    const text = await textOf(new AggregatedMetrics(), one, other);
    expect(valueOf(text, 'narthex_workers')).toBe(2);
    expect(valueOf(text, 'narthex_sessions')).toBe(2);
    expect(valueOf(text, 'narthex_stanzas_total{direction="to-client",kind="message"}')).toBe(3);
    const bucket = 'narthex_dial_duration_seconds_bucket{le="0.025",gatekeeper="main",outcome="connected"}';
    expect(valueOf(text, bucket)).toBe(1);
  });

  it('show the worst or the only one, where it does not', async () => {
    const [one, other] = [worker(), worker()];
    one.policyEnforced(label('main'), true);
    other.policyEnforced(label('main'), false);
    one.overloaded(true);
    one.certificateExpires('listener', label('0'), 200);
    other.certificateExpires('listener', label('0'), 100);
    const text = await textOf(new AggregatedMetrics(), one, other);
    expect(valueOf(text, 'narthex_policy_enforced{gatekeeper="main"}')).toBe(0);
    expect(valueOf(text, 'narthex_overloaded')).toBe(1);
    expect(valueOf(text, 'narthex_certificate_not_after_seconds{use="listener",certificate="0"}')).toBe(100);
    expect(valueOf(text, `narthex_build_info{version="1",node="${process.version}"}`)).toBe(1);
  });

  it('do not fall when a worker ends', async () => {
    const [one, other] = [worker(), worker()];
    const all = new AggregatedMetrics();
    for (let ended = 1; ended <= 3; ended += 1) {
      one.sessionOpened(label('clients'));
      all.ended(await one.snapshot());
      all.restarted();
      other.sessionOpened(label('clients'));
      const text = await textOf(all, other);
      // The snapshots of the first have 1, 2 and 3.
      expect(valueOf(text, sessionsTotal)).toBe((ended * (ended + 1)) / 2 + ended);
      expect(valueOf(text, 'narthex_sessions')).toBe(ended);
      expect(valueOf(text, 'narthex_worker_restarts_total')).toBe(ended);
    }
  });

  it('keep the counts of workers that end at once', async () => {
    const all = new AggregatedMetrics();
    const workers = [worker(), worker(), worker()];
    for (const each of workers) each.sessionOpened(label('clients'));
    const snapshots = await Promise.all(workers.map((each) => each.snapshot()));
    for (const snapshot of snapshots) all.ended(snapshot);
    expect(valueOf(await textOf(all), sessionsTotal)).toBe(3);
  });

  it('count a worker once that ends during a scrape', async () => {
    const [all, one, other] = [new AggregatedMetrics(), worker(), worker()];
    one.sessionOpened(label('clients'));
    other.sessionOpened(label('clients'));
    const snapshots = [await one.snapshot(), await other.snapshot()];
    const slow = Promise.withResolvers<typeof snapshots>();
    const scrape = all.text(slow.promise);
    all.ended(snapshots[0]!);
    slow.resolve(snapshots);
    expect(valueOf(await scrape, sessionsTotal)).toBe(2);
    expect(valueOf(await textOf(all, other), sessionsTotal)).toBe(2);
  });

  it('are the same names as of one process', async () => {
    const one = worker();
    const names = (text: string): string[] =>
      [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!).toSorted();
    const together = names(await textOf(new AggregatedMetrics(), one));
    expect(together).toEqual(names(await one.text()));
    expect(together).toEqual(Object.keys(metricTable).toSorted());
  });
});
