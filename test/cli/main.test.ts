import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildDigest } from '../../src/app/version.ts';
import { issue } from '../config/certificate.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';
import { narthex, printedJson, root } from './narthex.ts';

const { cert, key } = issue(['chat.example']);
const commands = [
  'demo',
  'init',
  'check',
  'config',
  'serve',
  'scan',
  'policy',
  'capabilities',
  'fingerprint',
  'verify',
  'schema',
  'completion',
];

/** Names every module that is loaded, on standard error. */
const loadedModules = `
  import { registerHooks } from 'node:module';
  import { writeSync } from 'node:fs';
  registerHooks({ load: (url, context, next) => (writeSync(2, url + '\\n'), next(url, context)) });
`;

const pair = { 'tls.crt': cert, 'tls.key': key };

describe('narthex', () => {
  it('alone teaches, and is a mistake', async () => {
    const { exit, stdout, stderr } = await narthex([]);
    expect([exit, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/Start here:/);
  });

  it('--help lists commands and exit codes', async () => {
    const { exit, stdout, stderr } = await narthex(['--help']);
    expect([exit, stderr]).toEqual([0, '']);
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    expect(stdout).toMatch(/^ {2}78 {2}the configuration is wrong/m);
  });

  it('--help loads no command', async () => {
    const folder = await folderWith({ 'hook.mjs': loadedModules });
    const loaded = async (args: string[]): Promise<string> =>
      (await narthex(args, { node: ['--import', join(folder, 'hook.mjs')] })).stderr;
    expect(await loaded(['--help'])).not.toMatch(/cli\/(demo|check|serve|scan|config)\.ts/);
    const schema = await loaded(['schema']);
    expect(schema).toContain('cli/config.ts');
    expect(schema).not.toMatch(/cli\/(demo|check|serve|scan)\.ts/);
  });

  it('--version is that of the package, with the digest of every file of the program', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await narthex(['--version'])).toEqual({
      exit: 0,
      stdout: `${version} build ${buildDigest()}\n`,
      stderr: '',
    });
  });

  it.each(commands)('%s --help prints its usage', async (name) => {
    const { exit, stdout, stderr } = await narthex([name, '--help']);
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: narthex ${name}\\b`));
  });

  it.each(['check', 'policy'])('help %s prints the same', async (name) => {
    expect(await narthex(['help', name])).toEqual(await narthex([name, '--help']));
  });

  it.each([
    [['chek'], "unknown command 'chek' (Did you mean check?)"],
    [['check', '--formt', 'json'], "unknown option '--formt' (Did you mean --format?)"],
    [['check', '--format', 'yaml'], "argument 'yaml' is invalid. Allowed choices are text, json."],
    [['check', 'a', 'b'], "too many arguments for 'check'"],
    [['schema', 'a'], "too many arguments for 'schema'"],
  ])('%j is a mistake', async (args, message) => {
    const { exit, stdout, stderr } = await inProcess(args);
    expect([exit, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^narthex: error ERR_USAGE: /);
    expect(stderr).toContain(message);
  });

  it('schema prints the published schema', async () => {
    const ran = await narthex(['schema']);
    const published: unknown = JSON.parse(
      readFileSync(join(root, 'deploy/schema/narthex.schema.json'), 'utf8'),
    );
    expect([ran.exit, printedJson(ran)]).toEqual([0, published]);
  });
});

describe('a beginner’s mistakes', () => {
  const files = {
    'empty.yaml': '',
    'policy.yaml': 'apiVersion: narthex/v1\nkind: MetadataPolicy\n',
    text: 'x',
  };

  it.each([
    [
      ['check', 'empty.yaml'],
      78,
      'empty.yaml:1:1: error ERR_CONFIG_TYPE: the document must be a mapping; it is empty',
      'deploy/examples/narthex.yaml',
    ],
    [
      ['check', 'policy.yaml'],
      78,
      'policy.yaml:2:7: error ERR_CONFIG_VERSION: `kind` must be `Proxy`; it is the text `MetadataPolicy`',
      'narthex policy check',
    ],
    [
      ['policy', 'check', 'blanced'],
      66,
      'narthex: error ERR_POLICY_FILE: there is no shipped policy blanced. There are balanced, passthrough, strict; ',
      './blanced',
    ],
    [
      ['capabilities', 'preview', '--profile', 'empty.yaml'],
      78,
      'empty.yaml:1:1: error ERR_CAPABILITY_PROFILE: the document is empty',
      'Correct',
    ],
    [
      ['capabilities', 'preview', '--profile', 'policy.yaml'],
      78,
      'policy.yaml:2:7: error ERR_CAPABILITY_PROFILE: kind: must be CapabilityProfile',
      'Correct',
    ],
    [
      ['capabilities', 'hash', 'none'],
      66,
      'narthex: error ERR_FILE: none cannot be read',
      'Correct the path',
    ],
    [['fingerprint'], 64, 'narthex: error ERR_OPTION: give one of --client-hello and --syn', 'help'],
    [
      ['fingerprint', '--syn', 'none'],
      66,
      'narthex: error ERR_FILE: none cannot be read',
      'Correct the path',
    ],
    [['verify', 'text', '--jwks', 'text'], 65, 'narthex: error ERR_JWKS: text is no JWK set', 'jwks.json'],
    [
      ['verify', 'none', '--jwks', 'text'],
      66,
      'narthex: error ERR_FILE: none cannot be read',
      'Correct the path',
    ],
    [['scan', 'none'], 66, 'narthex: error ERR_FILE: none cannot be read', 'Correct the path'],
    [['scan', '--cases', 'text'], 65, 'narthex: error ERR_CASES: text is no JSON array', 'scan --help'],
    [
      ['scan', '--ambiguous', 'maybe'],
      64,
      "narthex: error ERR_USAGE: option '--ambiguous <how>' argument 'maybe' is invalid.",
      '--help',
    ],
  ])('%j has a code, a place and a remedy', async (args, code, message, remedy) => {
    const { exit, stdout, stderr } = await inProcess(args, { folder: await folderWith(files) });
    expect([exit, stdout]).toEqual([code, '']);
    expect(stderr.startsWith(message)).toBe(true);
    expect(stderr.slice(message.length)).toContain(remedy);
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('    ')),
    ).toHaveLength(1);
  });
});

describe('a Node too old for TypeScript', () => {
  const candidates = ['/usr/local/bin/node', '/usr/bin/node', '/opt/node/bin/node'].filter((path) =>
    existsSync(path),
  );
  const old = candidates.find(
    (path) => Number(/^v(\d+)/.exec(spawnSync(path, ['--version']).stdout.toString())?.[1]) < 22,
  );

  it.skipIf(old === undefined)(
    'hands over to the one among the dependencies (skipped: none here)',
    async () => {
      const folder = await folderWith({ ...pair, 'narthex.yaml': minimal });
      const good = await narthex(['check'], { folder, program: old! });
      expect([good.exit, good.stderr]).toEqual([0, '']);
      expect((await narthex(['check', 'none.yaml'], { folder, program: old! })).exit).toBe(66);
    },
  );
});

describe('narthex check', () => {
  it('prints what a valid configuration would serve', async () => {
    const folder = await folderWith({ ...pair, 'narthex.yaml': minimal });
    const { exit, stdout, stderr } = await narthex(['check'], { folder });
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout.replace(/until .*/, 'until …')).toBe(
      [
        'narthex.yaml: the configuration is valid. It would serve',
        '  listener     clients on [::]:5222, starttls',
        '  domain       chat.example at gatekeeper main (xmpp.internal:5222, starttls)',
        `  certificate  ${join(folder, 'tls.crt')} for chat.example, until …`,
        '  policy       balanced, pseudonyms of one process and its life (no keyFiles)',
        '  https        off',
        '  admin        http://127.0.0.1:9090',
        '  tracing      off',
        '',
      ].join('\n'),
    );
  });

  it('runs where code from strings is forbidden', async () => {
    const folder = await folderWith({ ...pair, 'narthex.yaml': minimal });
    const { exit, stderr } = await narthex(['check'], {
      folder,
      node: ['--disallow-code-generation-from-strings'],
    });
    expect([exit, stderr]).toEqual([0, '']);
  });

  it('reports every mistake with its place, in plain text on a pipe', async () => {
    const folder = await folderWith({
      ...pair,
      'my.yaml': minimal.replace('listeners', 'listners').replace('narthex/v1', 'narthex/v2'),
    });
    const { exit, stdout, stderr } = await inProcess(['check', 'my.yaml'], { folder });
    expect([exit, stdout]).toEqual([78, '']);
    expect(stderr.split('\n').filter((line) => line.startsWith('my.yaml'))).toEqual([
      'my.yaml:1:13: error ERR_CONFIG_VERSION: `apiVersion` must be `narthex/v1`; it is the text `narthex/v2`',
      'my.yaml:3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `listners`, did you mean `listeners`?',
    ]);
  });

  it('finds the file by NARTHEX_CONFIG', async () => {
    const folder = await folderWith({ ...pair, 'other.yaml': minimal });
    const { exit } = await inProcess(['check'], { folder, environment: { NARTHEX_CONFIG: 'other.yaml' } });
    expect(exit).toBe(0);
  });

  it('has an exit code of its own for a file that is not there', async () => {
    const { exit, stderr } = await narthex(['check', 'none.yaml']);
    expect(exit).toBe(66);
    expect(stderr).toMatch(/^narthex: error ERR_CONFIG_NOT_FOUND: there is no file none\.yaml\n {4}\S/);
  });

  it('looks into the certificates', async () => {
    const folder = await folderWith({
      'tls.crt': cert,
      'tls.key': issue(['x.example']).key,
      'narthex.yaml': minimal,
    });
    const { exit, stderr } = await inProcess(['check'], { folder });
    expect(exit).toBe(78);
    expect(stderr).toMatch(/^narthex\.yaml:9:14: error ERR_CONFIG_KEY_MISMATCH: /);
  });

  it('warns, and accepts, when a domain has no certificate', async () => {
    const folder = await folderWith({
      ...pair,
      'narthex.yaml': minimal.replace('chat.example', 'talk.example'),
    });
    const { exit, stderr, stdout } = await inProcess(['check'], { folder });
    expect(exit).toBe(0);
    expect(stderr).toMatch(
      /^narthex\.yaml:11:13: warning ERR_CONFIG_CERTIFICATE_DOMAIN: no certificate covers `talk\.example`/,
    );
    expect(stdout).toContain('for no domain');
  });

  it('prints JSON, for valid and invalid files', async () => {
    const folder = await folderWith({
      ...pair,
      'good.yaml': minimal,
      'bad.yaml': minimal.replace('5222', '0x1_'),
    });
    const good = await narthex(['check', '--format', 'json', 'good.yaml'], { folder });
    expect([good.exit, good.stderr]).toEqual([0, '']);
    expect(printedJson(good)).toMatchObject({
      valid: true,
      file: 'good.yaml',
      problems: [],
      serves: { tracing: null },
    });
    const bad = await narthex(['check', '--format', 'json', 'bad.yaml'], { folder });
    expect([bad.exit, bad.stderr]).toEqual([78, '']);
    expect(printedJson(bad)).toMatchObject({
      valid: false,
      problems: [
        {
          code: 'ERR_CONFIG_TYPE',
          path: 'listeners[0].port',
          place: { file: 'bad.yaml', line: 5, column: 11 },
        },
      ],
    });
  });

  it('puts nothing of a key on the screen', async () => {
    const folder = await folderWith({ 'tls.crt': key, 'tls.key': cert, 'narthex.yaml': minimal });
    const { stdout, stderr } = await inProcess(['check'], { folder });
    const secret = key.split('\n')[1]!;
    expect(stdout + stderr).not.toContain(secret);
    expect(stderr).toContain('ERR_CONFIG_KEY');
  });
});
