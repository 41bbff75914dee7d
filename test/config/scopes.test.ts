/** Which section is for which gatekeeper, and what `check` says of sections of gatekeepers. */
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatPath } from '../../src/config/problem.ts';
import { capabilitySections, policySections } from '../../src/config/scopes.ts';
import { inProcess } from '../cli/in-process.ts';
import { printedJson } from '../cli/narthex.ts';
import { folderWith, minimal } from './folder.ts';

const second = `  - name: other
    connect: { address: 'xmpp.other:5222', tls: starttls }
`;
const files = { 'tls.crt': 'x', 'tls.key': 'x' };

async function scopesOf(text: string, more: Record<string, string> = {}) {
  const folder = await folderWith({ ...files, ...more, 'narthex.yaml': text });
  const { config } = await loadConfig({ folder, environment: {} });
  return { folder, config };
}

describe('sections of gatekeepers', () => {
  it('leave the top level to those that have none', async () => {
    const { folder, config } = await scopesOf(`${minimal}${second}    policy: { file: house.yaml }\n`);
    expect(
      policySections(config).map(({ path, gatekeepers, section }) => [
        formatPath(path),
        gatekeepers,
        section.file,
      ]),
    ).toEqual([
      ['policy', ['main'], 'balanced'],
      ['gatekeepers[1].policy', ['other'], `${folder}/house.yaml`],
    ]);
  });

  it('take nothing over from the top level: no shadow bleeds', async () => {
    const text = `${minimal}${second}    policy: { file: strict }\npolicy: { file: balanced, shadow: strict }\n`;
    const { config } = await scopesOf(text);
    expect(policySections(config).map(({ section }) => section.shadow)).toEqual(['strict', undefined]);
  });

  it('have profiles without any at the top', async () => {
    const own = '    capabilities: { contentKinds: kinds.yaml, profiles: [wide.yaml] }\n';
    const { folder, config } = await scopesOf(`${minimal}${second}${own}`, {
      'kinds.yaml': 'x',
      'wide.yaml': 'x',
    });
    expect(capabilitySections(config)).toMatchObject([
      { gatekeeper: 'other', gatekeepers: ['other'], section: { profiles: [`${folder}/wide.yaml`] } },
    ]);
  });

  it('name a file of profiles that is missing', async () => {
    const own = '    capabilities: { contentKinds: kinds.yaml, profiles: [wide.yaml] }\n';
    await expect(scopesOf(`${minimal}${second}${own}`, { 'kinds.yaml': 'x' })).rejects.toMatchObject({
      problems: [{ code: 'ERR_CONFIG_FILE', path: 'gatekeepers[1].capabilities.profiles[0]' }],
    });
  });

  it.each([
    ['stanzaBytesMax: 10000', 'gatekeepers[1].limits.tagBytesMax'],
    ['stanzaBytesMax: 20000, tagBytesMax: 30000', 'gatekeepers[1].limits.tagBytesMax'],
  ])('have limits that do not contradict each other: { %s }', async (limits, named) => {
    const text = `${minimal}${second}    limits: { ${limits} }\n`;
    await expect(scopesOf(text)).rejects.toMatchObject({
      problems: [{ code: 'ERR_CONFIG_VALUE', path: 'gatekeepers[1].limits.stanzaBytesMax', message: expect.stringContaining(named) as string }],
    });
  }); // prettier-ignore
});

describe('narthex check', () => {
  const house = (mode: string, spec = 'extends: balanced'): string =>
    `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: house }\nspec:\n  ${spec}\n  mode: ${mode}\n`;

  async function checked(policy: string, section = '{ file: house.yaml }') {
    const text = `${minimal}${second}    policy: ${section}\n`;
    const folder = await folderWith({ ...files, 'house.yaml': policy, 'narthex.yaml': text });
    const ran = await inProcess(['check', '--format', 'json'], { folder });
    const result = printedJson(ran) as { problems: Record<string, unknown>[]; serves: object };
    return { ...result, exit: ran.exit };
  }

  const ofPolicy = ({ problems }: { problems: Record<string, unknown>[] }) =>
    problems.filter(({ code }) => code === 'ERR_CONFIG_POLICY');

  it('warns of a gatekeeper whose policy is not enforced', async () => {
    const result = await checked(house('shadow'));
    expect(ofPolicy(result)).toMatchObject([
      { severity: 'warning', path: 'gatekeepers[1].policy.file', place: { line: 6 } },
    ]);
  });

  it('refuses the wrong policy of one gatekeeper, with its place', async () => {
    const result = await checked(house('enforce', 'extends: blanced'));
    expect(ofPolicy(result)).toMatchObject([
      { severity: 'error', path: 'gatekeepers[1].policy', place: { line: 5 } },
    ]);
    expect(result.exit).toBe(78);
  });

  it('names the place in narthex.yaml of a policy that is missing', async () => {
    const result = await checked(house('enforce'), '{ file: none.yaml }');
    expect(ofPolicy(result)).toMatchObject([
      { severity: 'error', path: 'gatekeepers[1].policy', place: { line: 20 } },
    ]);
  });

  it('says which policy would be enforced where', async () => {
    const result = await checked(house('enforce'), '{ file: strict, shadow: house.yaml }');
    expect(result).toMatchObject({
      serves: { policy: { file: 'balanced' }, gatekeeperPolicies: { other: { file: 'strict' } } },
    });
  });
});

describe('a table of regions', () => {
  const text = (enlistment = ''): string =>
    `${minimal}${enlistment}regions: { geofeedFile: regions.csv, rowsMax: 2 }\n`;

  it.each([
    ['192.0.2.0/24,AT\n192.0.2.0/24,DE\n', 'regions.csv:2:1: error ERR_CONFIG_REGIONS: ERR_REGIONS_INVALID'],
    ['192.0.2.0/24,AUT\n', 'regions.csv:1:14: error ERR_CONFIG_REGIONS: ERR_REGIONS_INVALID'],
    [
      '10.0.0.0/8,AT\n11.0.0.0/8,AT\n12.0.0.0/8,AT\n',
      'regions.csv:3:1: error ERR_CONFIG_REGIONS: ERR_REGIONS_INVALID',
    ],
  ])('that is wrong is named by check, with its row', async (rows, expected) => {
    const folder = await folderWith({ ...files, 'regions.csv': rows, 'narthex.yaml': text() });
    const { stderr } = await inProcess(['check'], { folder });
    expect(stderr).toContain(expected);
  });

  it('is needed where enlistment asks for a region', async () => {
    const enlistment = '    enlistment: { url: "https://api.example/e", regions: [AT] }\n';
    const folder = await folderWith({ ...files, 'narthex.yaml': `${minimal}${enlistment}` });
    await expect(loadConfig({ folder, environment: {} })).rejects.toMatchObject({
      problems: expect.arrayContaining([
        expect.objectContaining({ code: 'ERR_CONFIG_MISSING', path: 'gatekeepers[0].enlistment.regions' }),
      ]) as unknown,
    });
  });
});

describe('policy commands with --config', () => {
  const house = (rule: string): string =>
    `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: house }\nspec:\n  extends: strict\n  audiences: { gatekeeper: { ${rule} } }\n`;
  const text = `${minimal}${second}    policy: { file: house.yaml, shadow: strict }\n`;

  it('checks every policy that the configuration names', async () => {
    const folder = await folderWith({
      ...files,
      'house.yaml': house('chatstate: drop'),
      'narthex.yaml': text,
    });
    const { stdout, exit } = await inProcess(['policy', 'check', '--config', 'narthex.yaml'], { folder });
    expect(stdout).toMatch(/^house\.yaml:6:\d+: error ERR_POLICY_FIELD chatstate/m);
    expect(exit).toBe(1);
  });

  it.each([
    ['main', 'balanced extends'],
    ['other', 'house extends strict'],
  ])('explains the policy of gatekeeper %s', async (gatekeeper, first) => {
    const folder = await folderWith({
      ...files,
      'house.yaml': house('chat-state: drop'),
      'narthex.yaml': text,
    });
    const command = ['policy', 'explain', '--config', 'narthex.yaml', '--gatekeeper', gatekeeper];
    const { stdout, exit } = await inProcess(command, { folder });
    expect(stdout.startsWith(first)).toBe(true);
    expect(exit).toBe(0);
  });

  it('refuses a gatekeeper that the configuration does not have, and no policy at all', async () => {
    const folder = await folderWith({
      ...files,
      'house.yaml': house('chat-state: drop'),
      'narthex.yaml': text,
    });
    const unknown = await inProcess(
      ['policy', 'explain', '--config', 'narthex.yaml', '--gatekeeper', 'mian'],
      {
        folder,
      },
    );
    expect(unknown).toMatchObject({ exit: 64, stderr: expect.stringContaining('main, other') as string });
    expect(await inProcess(['policy', 'check'], { folder })).toMatchObject({ exit: 64 });
  });
});

describe('policy explain', () => {
  const house =
    'apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: house }\nspec:\n  extends: passthrough\n  exceptions:\n' +
    '    - { when: { region: AT, identity: { seats: 3 } }, audiences: { gatekeeper: { chat-state: drop } }, why: w, ' +
    'approved-by: a, expires: 2130-01-01 }\n';
  const stanza =
    "<message xmlns='jabber:client' to='a@b.example'><body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>";

  it.each([
    [['--region', 'AT', '--claim', 'seats=3'], false],
    [['--region', 'DE', '--claim', 'seats=3'], true],
    [['--region', 'AT', '--claim', 'seats=4'], true],
    [[], false],
  ])('under the conditions %j', async (conditions, seen) => {
    const folder = await folderWith({ 'house.yaml': house, 'stanza.xml': stanza });
    const command = [
      'policy',
      'explain',
      'house.yaml',
      '--stanza',
      'stanza.xml',
      '--format',
      'json',
      ...conditions,
    ];
    const ran = await inProcess(command, { folder });
    expect([ran.exit, ran.stderr]).toEqual([0, '']);
    expect((printedJson(ran) as { after: string }).after.includes('chatstates')).toBe(seen);
  });

  it.each([
    ['--region', 'Wien'],
    ['--claim', 'seats'],
  ])('refuses %s %s', async (option, value) => {
    const folder = await folderWith({ 'house.yaml': house, 'stanza.xml': stanza });
    const command = ['policy', 'explain', 'house.yaml', '--stanza', 'stanza.xml', option, value];
    expect(await inProcess(command, { folder })).toMatchObject({ exit: 64 });
  });
});
