/** `narthex audit` as a process: formats, errors, progress, and the memory of a long recording. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sampleEntropy, shannonEntropy } from '../../src/audit/entropy.ts';
import type { AuditReport } from '../../src/audit/report.ts';
import { clientStream, presenceWithNick } from '../support/recorded-clients.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { narthex, printedJson, root } from './narthex.ts';

const twelve = Array.from({ length: 12 }, (_, client) =>
  clientStream(client, presenceWithNick(`n${client % 4}`)),
).join('');

async function run(
  input: string,
  ...args: readonly string[]
): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  return await narthex(['audit', '-', ...args], { input });
}

describe('formats', () => {
  test('text has one row for each field, before and after, with intervals', async () => {
    const { exit, stdout, stderr } = await run(twelve, '--policy', 'balanced', '--against', 'strict');
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain('clients: 12 sessions');
    expect(stdout).toMatch(/^presence\.nick +keep → drop +12 → 12 → 0 +4 → 4 → 0 +2\.\d\d \(.+–.+\)/m);
    expect(stdout).toMatch(/^policy strict: digest [\w-]{43}, mode enforce, 0 stanzas not sent on$/m);
  });

  test('every figure of the text follows from the counts in JSON', async () => {
    const json = await run(twelve, '--policy', 'strict', '--format', 'json');
    const { stdout: text } = await run(twelve, '--policy', 'strict');
    const report = printedJson(json) as AuditReport;
    for (const { fields } of report.audiences)
      for (const { field, aspect, showings } of fields) {
        const row = text
          .split('\n')
          .find((line) => line.startsWith(aspect === 'form' ? `${field} (form) ` : `${field} `))!;
        for (const { figures, occurrences } of showings) {
          const { value, interval } = shannonEntropy(figures.frequencies);
          expect(figures.shannon.value).toBeCloseTo(value, 9);
          expect(figures.sample.shannon).toBeCloseTo(sampleEntropy(figures.frequencies), 9);
          expect(row).toContain(`${value.toFixed(2)} (${interval!.low.toFixed(2)}–`);
          expect(row).toContain(String(occurrences));
        }
      }
  });

  test('CSV has one number in each cell, Markdown and HTML the tables', async () => {
    const { stdout: csv } = await run(twelve, '--policy', 'strict', '--format', 'csv');
    const [header, ...rows] = csv.trim().split('\r\n');
    expect(header).toMatch(/^audience,fields,aspect,stage,treatment,occurrences,/);
    const nick = rows.filter((row) => row.startsWith('gatekeeper,presence.nick,value,'));
    expect(nick.map((row) => row.split(',').slice(3, 8))).toEqual([
      ['received', '', '12', '4', '12'],
      ['strict', 'drop', '0', '0', '12'],
    ]);
    const { stdout: markdown } = await run(twelve, '--policy', 'strict', '--format', 'markdown');
    expect(markdown).toContain('## Fields one by one: gatekeeper, 12 clients');
    const { stdout: html } = await run(twelve, '--policy', 'strict', '--format', 'html');
    expect(html).toContain('<svg');
  });
});

test('a policy in shadow is audited as if it were enforced, and the report says so', async () => {
  await using folder = await temporaryFolder();
  const policy = await folder.write(
    'shadow.yaml',
    'apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: quiet }\nspec: { extends: strict, mode: shadow }\n',
  );
  const { stdout } = await run(twelve, '--policy', policy);
  expect(stdout).toContain('!! quiet is in shadow: it withholds nothing.');
  expect(stdout).toMatch(/^presence\.nick +drop +12 → 0 /m);
});

describe('policy buckets', () => {
  const sizes = [10, 20, 30, 300, 310, 900];
  const recording = sizes
    .map((length, client) =>
      clientStream(client, ...Array.from({ length: 10 }, () => presenceWithNick('x'.repeat(length)))),
    )
    .join('');

  test('prints a line that a policy takes, and what it leaves', async () => {
    await using folder = await temporaryFolder();
    const args = ['policy', 'buckets', '-', '--overhead', '25%'];
    const { exit, stdout, stderr } = await narthex(args, { input: recording });
    expect([exit, stderr]).toEqual([0, '']);
    const line = /^content\.wire-size: .*$/m.exec(stdout)![0];
    const policy = await folder.write(
      'house.yaml',
      `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: house }
spec:
  extends: passthrough
  audiences:
    gatekeeper:
      ${line}
`,
    );
    const compared = await narthex([...args, '--policy', policy, '--format', 'json'], { input: recording });
    const { without, computed, own } = printedJson(compared) as Record<
      string,
      { sizeBits: number; overhead: number }
    >;
    expect(without!.sizeBits).toBeCloseTo(Math.log2(6), 9);
    expect(computed!.sizeBits).toBeLessThan(1.5);
    expect(computed!.overhead).toBeLessThanOrEqual(0.25);
    expect(own).toEqual(computed);
    const audited = await narthex(['audit', '-', '--policy', policy, '--format', 'json'], {
      input: recording,
    });
    const { audiences } = printedJson(audited) as AuditReport;
    const padded = audiences[0]!.fields.find(({ field }) => field === 'content.wire-size')!.showings[1]!;
    expect(padded.figures.sample.shannon).toBeCloseTo(computed!.sizeBits, 9);
  });

  test('the kind of stanza is hidden where that is asked for', async () => {
    const two = clientStream(
      1,
      ...Array.from({ length: 20 }, (_, each) => (each % 2 === 0 ? presenceWithNick('xxx') : '<presence/>')),
    );
    const ran = await narthex(
      ['policy', 'buckets', '-', '--overhead', '100%', '--by', 'kind', '--format', 'json'],
      { input: two },
    );
    expect(printedJson(ran)).toMatchObject({
      kinds: 2,
      without: { kindBits: 1 },
      computed: { kindBits: 0 },
    });
  });

  test('no sizes keep the overhead, or there is nothing to pad: 1, with a remedy', async () => {
    const many = clientStream(
      1,
      ...Array.from({ length: 40 }, (_, each) => presenceWithNick('x'.repeat(1 + each))),
    );
    const { exit, stderr } = await narthex(['policy', 'buckets', '-', '--overhead', '0%'], { input: many });
    expect(exit).toBe(1);
    expect(stderr).toContain('ERR_BUCKETS_NONE: no 16 sizes keep an overhead of 0.0 %');
    const nothing = await narthex(['policy', 'buckets', '-', '--overhead', '5%'], { input: clientStream(1) });
    expect(nothing.exit).toBe(1);
    expect((await narthex(['policy', 'buckets', '-', '--overhead', '5'], { input: many })).exit).toBe(64);
  });
});

describe('errors', () => {
  test('a bad recording is refused with file, line and remedy', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('bad.recording', '{"kind":"recording"}\n');
    const { exit, stdout, stderr } = await narthex(['audit', file, '--policy', 'strict']);
    expect([exit, stdout]).toEqual([65, '']);
    expect(stderr).toContain(`${file}:1:1: error ERR_RECORDING_FORMAT`);
    expect(stderr).toContain('narthex serve --record');
  });

  test('a bad stream is refused with its line', async () => {
    const { exit, stderr } = await run(`${twelve}<x/>`, '--policy', 'strict');
    expect(exit).toBe(65);
    expect(stderr).toContain('-:13:1: error ERR_AUDIT_STREAM');
    expect(stderr).toContain('narthex scan');
  });

  test('a file that is not there, and a policy that is none', async () => {
    expect((await narthex(['audit', '/nowhere', '--policy', 'strict'])).exit).toBe(66);
    expect((await narthex(['audit', '/nowhere', '--policy', '/nowhere.yaml'])).exit).toBe(66);
    expect((await narthex(['audit'])).exit).toBe(64);
    expect((await narthex(['audit', '-', '--policy', '-'])).exit).toBe(64);
  });
});

/** Yields the streams of many clients. */
function* manyClients(clients: number): Generator<string, void> {
  const message = (client: number, id: number): string =>
    `<message to='romeo${(client * 7 + id) % 500}@montague.example' type='chat' id='${client}-${id}-8f3a'>` +
    `<body>${'x'.repeat(id * 11)}</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>`;
  for (let client = 0; client < clients; client += 1)
    yield clientStream(
      client,
      presenceWithNick(`n${client % 97}`),
      ...Array.from({ length: 6 }, (_, id) => message(client, id)),
    );
}

// 15,000 clients with 105,000 stanzas: more than the tables hold, so that both the length and the caps are tried.
test(
  'a long recording takes less than 200 MB, and says that it was sampled',
  { timeout: 180_000 },
  async () => {
    const report = "process.on('exit', () => console.error('peak', process.resourceUsage().maxRSS))";
    const child = spawn(
      process.execPath,
      [
        '--import',
        `data:text/javascript,${encodeURIComponent(report)}`,
        join(root, 'src/cli/main.ts'),
      ].concat([
        'audit',
        '-',
        '--policy',
        'balanced',
        '--against',
        'strict',
        '--format',
        'json',
        '--progress',
      ]),
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const closed = once(child, 'close') as Promise<[number | null]>;
    for (const text of manyClients(15_000)) if (!child.stdin.write(text)) await once(child.stdin, 'drain');
    child.stdin.end();
    const [exit] = await closed;
    const audited = printedJson({ exit, stdout, stderr }) as AuditReport;
    expect(audited).toMatchObject({ sessions: 15_000, stanzas: 105_000 });
    expect(audited.bounds.clientsSampledOneIn).toBeGreaterThan(1);
    expect(audited.audiences[0]!.clients).toBeLessThan(15_000);
    expect(stderr).toMatch(/narthex: \d+ bytes, \d+ stanzas, \d+ clients/);
    expect(Number(/peak (\d+)/.exec(stderr)![1])).toBeLessThan(200_000);
  },
);
