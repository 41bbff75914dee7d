/** Reports with the counts of a running proxy. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { narthex, printedJson } from '../cli/narthex.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';

let proxy: ServeProcess;
beforeEach(async () => {
  proxy = await serveProcess({ config: {} });
});
afterEach(() => proxy.stop());

it('report --from takes the counts of a policy that is in force, and refuses another', async () => {
  const from = `http://127.0.0.1:${proxy.adminPort}`;
  const asked = (policy: string) =>
    narthex(['report', 'exposure', '--policy', policy, '--from', from, '--format', 'json']);
  const ran = await asked('balanced');
  expect([ran.exit, ran.stderr]).toEqual([0, '']);
  const report = printedJson(ran) as { counts: string; rows: { audiences: { client: object } }[] };
  expect(report.counts).toMatch(new RegExp(`^${from}, \\d{4}-.+ to \\d{4}-`));
  for (const { audiences } of report.rows) expect(audiences.client).toMatchObject({ counted: 0 });
  const other = await asked('strict');
  expect([other.exit, other.stderr]).toEqual([65, expect.stringContaining('ERR_PROXY_POLICY')]);
});
