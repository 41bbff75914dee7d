import { Command } from 'commander';
import { expect, test } from 'vitest';
import { register } from '../../src/cli/reports.ts';
import { baseConfiguration, gatekeeper, shippedCapabilities } from '../reports/configurations.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { memoryIo } from './memory-io.ts';

async function report(...args: readonly string[]): Promise<string> {
  const io = memoryIo({});
  const program = new Command('narthex').exitOverride();
  register(program, io);
  await program.parseAsync(['report', ...args], { from: 'user' });
  return io.output;
}

test('a report is about a policy or about a configuration, not both', async () => {
  await expect(report('exposure')).rejects.toThrow('either --policy or --config');
  await expect(report('exposure', '--policy', 'strict', '--config', 'x.yaml')).rejects.toThrow('either');
  await expect(report('dpia', '--config', 'x.yaml', '--catalogue', 'more')).rejects.toThrow('--policy');
});

test.each(['exposure', 'fingerprints', 'dpia'])('%s of a configuration has every view', async (name) => {
  await using folder = await temporaryFolder();
  const configuration = baseConfiguration({ capabilities: shippedCapabilities });
  const file = await folder.write('narthex.yaml', JSON.stringify(configuration));
  const made = JSON.parse(await report(name, '--config', file, '--format', 'json')) as {
    configuration: string;
    views: { gatekeeper: string; listeners: string[]; report: { policy: string } }[];
  };
  expect(made.configuration).toBe(file);
  expect(made.views.map(({ listeners, report: { policy } }) => [policy, listeners])).toEqual([
    ['balanced', ['clients']],
    ['balanced', ['as-declared']],
  ]);
  const text = await report(name, '--config', file);
  for (const title of ['View: main, clients', 'View: main, as-declared', 'Capabilities', 'Connections'])
    expect(text.split('\n')).toContain(title);
});

test('a configuration needs its policies and profiles for a report, and no certificate', async () => {
  await using folder = await temporaryFolder();
  const missing = { contentKinds: 'kinds.yaml', profiles: 'profiles.yaml' };
  const file = await folder.write(
    'narthex.yaml',
    JSON.stringify(baseConfiguration({ capabilities: missing })),
  );
  await expect(report('exposure', '--config', file)).rejects.toMatchObject({ name: 'FileMissing' });
  await folder.write('kinds.yaml', 'kind: Wrong\n');
  await folder.write('profiles.yaml', 'kind: Wrong\n');
  await expect(report('exposure', '--config', file)).rejects.toMatchObject({
    code: 'ERR_CAPABILITIES_INVALID',
  });
});

test('public and data-policy are about one gatekeeper', async () => {
  await using folder = await temporaryFolder();
  const two = {
    gatekeepers: [gatekeeper, { ...gatekeeper, name: 'other' }],
    domains: [
      { domain: 'chat.example', gatekeeper: 'main' },
      { domain: 'other.example', gatekeeper: 'other' },
    ],
  };
  const file = await folder.write('narthex.yaml', JSON.stringify(baseConfiguration(two)));
  const page = ['public', '--config', file, '--provider', 'Third'] as const;
  await expect(report(...page)).rejects.toThrow('--gatekeeper is needed: main, other');
  await expect(report('data-policy', '--config', file, '--gatekeeper', 'x')).rejects.toThrow('main, other');
  await expect(
    report('data-policy', '--config', file, '--gatekeeper', 'main', '--terms', 'no address'),
  ).rejects.toThrow('--terms');
  expect(await report(...page, '--gatekeeper', 'other', '--as', 'Large')).toContain(
    '<title>Third: what Large can see of you',
  );
  const forms = await report(
    'data-policy',
    '--config',
    file,
    '--gatekeeper',
    'main',
    '--terms',
    'xmpp:terms',
  );
  expect(forms).toContain('<value>xmpp:terms</value>');
});
