/** `narthex audit canaries` against the embedded set-up: no leak of the proxy, and every seeded one is found. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runEmbeddedCanaries } from '../../../src/app/canaries/embedded.ts';
import type { CanaryReport } from '../../../src/canaries/findings.ts';
import type { PlaceName } from '../../../src/canaries/places.ts';
import { narthex, printedJson } from '../../cli/narthex.ts';

const timeoutMs = 300_000;

const program = (name: string): readonly string[] => [
  fileURLToPath(new URL(`leaking/${name}.ts`, import.meta.url)),
];

function leaksAt(report: CanaryReport, name: PlaceName): string[] {
  return report.leaks
    .filter(({ place }) => place === name)
    .map(({ sighting: { canary } }) => `${canary.field.name} ${canary.direction}`);
}

/** What a canary is, seen from a party: its verdict by field and direction. */
function verdictAt(
  report: CanaryReport,
  place: PlaceName,
  field: string,
  direction: string,
): string | undefined {
  return report.canaries.find(
    (each) => each.canary.field.name === field && each.canary.direction === direction,
  )?.verdicts[place];
}

interface PrintedReport {
  readonly leaks: readonly { readonly place: string; readonly field: string; readonly direction: string }[];
  readonly places: readonly { readonly place: string; readonly bytes: number; readonly found: number }[];
  readonly skipped: readonly { readonly place: string }[];
  readonly unsent: readonly { readonly field: string; readonly protocol: string }[];
  readonly canaries: readonly {
    readonly field: string;
    readonly protocol: string;
    readonly direction: string;
    readonly audience: string;
    readonly sending: string;
    readonly verdicts: Readonly<Record<string, string>>;
  }[];
}

describe.concurrent.each(['balanced', 'strict'])('canaries under %s', (policy) => {
  it(
    'are nowhere but where the policy says, heap included',
    async () => {
      const ran = await narthex(['audit', 'canaries', '--policy', policy, '--format', 'json']);
      const report = printedJson(ran) as PrintedReport;
      expect(report.leaks.map(({ place, field, direction }) => `${place}: ${field} ${direction}`)).toEqual(
        [],
      );
      expect([ran.exit, ran.stderr.includes('ERR_')]).toEqual([0, false]);
      // Every place was searched, and had something in it.
      const searched = report.places.filter(({ bytes }) => bytes > 100).map(({ place }) => place);
      const all = [
        'gatekeeper',
        'client',
        'provider',
        'output',
        'metrics',
        'traces',
        'ledger',
        'admin',
        'crash',
        'heap',
        'buffers',
      ];
      expect(searched).toEqual(expect.arrayContaining(all));
      // The values have passed: most of what a policy shows did arrive.
      const count = (verdict: string): number =>
        report.canaries.filter(({ verdicts }) => Object.values(verdicts).includes(verdict)).length;
      expect(count('shown')).toBeGreaterThan(190);
      expect(count('absent')).toBeLessThan(30);
      expect(report.canaries.filter(({ sending }) => sending === 'sent').length).toBeGreaterThan(430);
      const chat = report.canaries.filter(({ protocol }) => protocol === 'chat-channel');
      expect(chat.filter(({ sending }) => sending !== 'sent')).toEqual([]);
      expect(
        report.unsent.filter(({ protocol }) => protocol === 'chat-channel').map(({ field }) => field),
      ).toEqual(['answer.ping']);
      // What a policy shows has arrived, but for the one attribute of an element that it drops.
      const absent = chat.filter(({ audience, verdicts }) => verdicts[audience] === 'absent');
      expect(absent.map(({ field }) => field)).toEqual(['chat-state.voice']);
    },
    timeoutMs,
  );
});

describe.concurrent('a seeded leak', () => {
  it(
    'is found where the proxy runs under another policy than the one that is expected',
    async () => {
      const report = await runEmbeddedCanaries({ policy: 'passthrough', expected: 'strict' });
      const leaks = leaksAt(report, 'gatekeeper');
      expect(leaks).toEqual(
        expect.arrayContaining([
          'chat-state to-gatekeeper',
          'time.idle to-gatekeeper',
          'http.user-agent to-gatekeeper',
          'content.media-url to-gatekeeper',
          'sasl.user-agent.id to-gatekeeper',
          'call.host-candidate to-gatekeeper',
          'xml.lang to-gatekeeper',
          // Of the chat channel alone.
          'telemetry to-gatekeeper',
          'call.relay-latency to-gatekeeper',
          'contacts.sync to-gatekeeper',
          'style.coded-attribute to-gatekeeper',
        ]),
      );
      expect(leaks).not.toContain('content.body to-gatekeeper');
      expect(leaks.length).toBeGreaterThan(60);
      expect(leaksAt(report, 'provider')).toContain('push.sender to-client');
      expect(verdictAt(report, 'gatekeeper', 'content.body', 'to-gatekeeper')).toBe('shown');
      // The other places do not depend on the policy.
      for (const place of ['output', 'metrics', 'traces', 'ledger', 'admin', 'crash'] as const)
        expect(leaksAt(report, place)).toEqual([]);
    },
    timeoutMs,
  );

  it(
    'is found where the proxy prints what it reads',
    async () => {
      const report = await runEmbeddedCanaries({ policy: 'balanced', program: program('logging') });
      expect(leaksAt(report, 'output')).toEqual(
        expect.arrayContaining(['chat-state to-gatekeeper', 'content.body to-client', 'stream.id to-client']),
      );
      expect(leaksAt(report, 'output').length).toBeGreaterThan(250);
      expect(
        report.leaks
          .filter(({ place }) => place === 'output')
          .every(({ sighting }) => sighting.forms.has('base64')),
      ).toBe(true);
      expect(leaksAt(report, 'gatekeeper')).toEqual([]);
    },
    timeoutMs,
  );

  it(
    'is found where the proxy keeps a buffer or a text',
    async () => {
      const report = await runEmbeddedCanaries({ policy: 'balanced', program: program('retaining') });
      expect(leaksAt(report, 'buffers').length).toBeGreaterThan(250);
      expect(leaksAt(report, 'heap').length).toBeGreaterThan(250);
      const inHeap = report.leaks.find(({ place }) => place === 'heap')!;
      expect(inHeap.sighting.keptBy.flat().join(' ')).toContain('texts');
      expect(leaksAt(report, 'output')).toEqual([]);
    },
    timeoutMs,
  );
});

describe('a proxy that is killed at its second session', () => {
  it(
    'ends the run',
    async () => {
      await expect(
        runEmbeddedCanaries({ policy: 'balanced', program: program('killed') }),
      ).rejects.toMatchObject({ code: 'ERR_CANARY_PROXY', message: 'the proxy has ended by SIGKILL' });
    },
    timeoutMs,
  );
});

describe('a proxy that does not start', () => {
  it(
    'ends the run with what it printed',
    async () => {
      const broken = ['-e', "console.error('no port for me'); process.exit(3)"];
      await expect(runEmbeddedCanaries({ policy: 'balanced', program: broken })).rejects.toMatchObject({
        code: 'ERR_CANARY_PROXY',
        message: 'no port for me',
      });
    },
    timeoutMs,
  );
});
