/** Exceptions for the region of a client's address, by the operator's table: in sessions, after a change of the table, after
 *  a wrong one; and nothing of it in what is recorded. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/clock.ts';
import { createObserver } from '../../src/app/telemetry/observer.ts';
import { FileStates } from '../../src/observability/file-states.ts';
import { openLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { version } from '../../src/observability/identifiers.ts';
import { SessionGauge } from '../../src/observability/session-gauge.ts';
import { openTracing } from '../../src/observability/tracing.ts';
import { startTwoGatekeepers, type TwoGatekeepers } from '../support/two-gatekeepers.ts';
import { eventually } from '../support/wait.ts';

const exception = (region: string, rule: string): string =>
  `    - { when: { region: ${region} }, audiences: { gatekeeper: { ${rule} } }, why: w, approved-by: a, expires: 2130-01-01 }\n`;
const policy =
  'apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: regional }\nspec:\n  extends: passthrough\n' +
  '  audiences: { gatekeeper: { presence.priority: drop } }\n' +
  `  exceptions:\n${exception('QA', 'presence.status: drop')}${exception('QB', 'presence.priority: keep')}`;

const table = (first: string, second: string): string =>
  `# of this machine\n\n127.0.0.2/32,${first},,,\n127.0.0.3/32,${second},,,\n`;

let scene: TwoGatekeepers;
let log = '';
const metrics = createMetrics({ version: 'test', processMetrics: false });
const files = new FileStates();
let sent = 0;

beforeAll(async () => {
  const options = {
    log: openLog({
      level: 'debug',
      now: Date.now,
      destination: { write: (line: string) => void (log += line) },
    }),
    metrics,
    tracing: await openTracing({
      collector: undefined,
      version: 'test',
      failed: () => {},
      dropped: () => {},
    }),
    gauge: new SessionGauge(),
    files,
    clock: systemClock,
    version: version('1.0.0'),
  };
  scene = await startTwoGatekeepers({
    files: { 'policy.yaml': policy, 'regions.csv': table('QA', 'QB') },
    sections: () => ({}),
    proxy: (file) => ({
      policy: file('policy.yaml'),
      regions: { geofeedFile: file('regions.csv') },
      observer: createObserver(options),
    }),
  });
});
afterAll(() => scene[Symbol.asyncDispose]());

/** What the gatekeeper sees of a presence from an address. */
async function seenFrom(localAddress: string): Promise<string> {
  const client = await scene.logIn('test', { localAddress });
  sent += 1;
  client.socket.write(`<presence id='p${sent}'><status>s</status><priority>5</priority></presence>`);
  const [, content] = await eventually(
    () => new RegExp(`<presence id='p${sent}'>(.*?)</presence>`).exec(scene.received.test) ?? undefined,
  );
  return content!;
}

const both = '<status>s</status><priority>5</priority>';
const neither = '';
const status = '<status>s</status>';

describe('exceptions for a region', () => {
  it.each([
    ['127.0.0.2', 'whose region tightens', neither],
    ['127.0.0.3', 'whose region loosens', both],
    ['127.0.0.4', 'outside of the table: tightened, not loosened', neither],
  ])('from %s, %s', async (address, _, expected) => {
    expect(await seenFrom(address)).toBe(expected);
  });

  it('follow the table: a changed one is for new sessions', async () => {
    await scene.folder.write('regions.csv', table('QB', 'QC'));
    await scene.proxy.proxy.refresh();
    expect(await seenFrom('127.0.0.2')).toBe(both);
    expect(await seenFrom('127.0.0.3')).toBe(status);
  });

  it('keep the last good table when a row is wrong: code, file, line, column and remedy', async () => {
    await scene.folder.write('regions.csv', `${table('QA', 'QB')}127.0.0.4/32,QAA,,,\n`);
    await scene.proxy.proxy.refresh();
    const [problem] = files.summary().regions.problems;
    expect(files.summary().regions.state).toBe('rejected');
    expect(problem).toMatchObject({ code: 'ERR_REGIONS_INVALID', line: 5, column: 14 });
    expect(problem!.file).toMatch(/regions\.csv$/);
    expect(problem!.remedy).not.toBe('');
    expect(await seenFrom('127.0.0.2')).toBe(both);
    expect(log).toContain('"event":"reload.rejected"');
    await scene.folder.write('regions.csv', table('QA', 'QB'));
    await scene.proxy.proxy.refresh();
    expect(files.summary().regions.state).toBe('loaded');
    expect(await seenFrom('127.0.0.2')).toBe(neither);
  });

  it('leave no region and no address in the log and the metrics', async () => {
    const recorded = log + (await metrics.text());
    expect(recorded).toContain('regions.loaded');
    expect(recorded).toContain('narthex_policy_decisions_total');
    expect(recorded).not.toMatch(/\bQ[ABC]\b|127\.0\.0\.[234]/);
  });
});
