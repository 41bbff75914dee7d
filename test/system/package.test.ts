/**
 * The npm package: packed, installed into an empty project, and used as its users do. It is installed from the
 * registry, on the oldest Node that package.json admits, where NARTHEX_PEERS=required; elsewhere the checkout's own
 * dependencies and Node stand in.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peersRequired } from '../peers/require.ts';
import { writeArtifacts } from '../release/artifacts.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const { version, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};
const oldestNode = engines.node.replace('>=', '');
const stepTimeoutMs = 300_000;

/** What a gatekeeper writes: everything it needs is an entry point of the package, none of it is reached by a path. */
const receiver = `
import { parseJwks, staticKeys } from 'narthex/jwks';
import { attestationTypeDefault, unpackAttestation } from 'narthex/packed-attestation';
import { ProxyProtocolReader } from 'narthex/proxy-protocol';
import { createVerifier } from 'narthex/verify';
const [jwks, header] = process.argv.slice(2);
const progress = new ProxyProtocolReader().push(Buffer.from(header!, 'hex'));
if (progress.kind !== 'header') throw new Error(progress.kind);
const keys = parseJwks(JSON.parse(jwks!));
if (keys === undefined) throw new Error('no key set');
const verifier = createVerifier({
  keys: staticKeys(keys),
  issuer: 'proxy.example',
  audience: 'gatekeeper.example',
  clock: () => 1_795_435_201_000,
});
const sha256 = Buffer.alloc(32, 0xce);
const packed = progress.header.fields.others.get(attestationTypeDefault)!;
const answer = await verifier.verify(unpackAttestation(packed), { kind: 'certificate', sha256 });
if (answer.kind !== 'accepted') throw new Error(answer.kind);
const address = answer.claims.signals.client_ip;
if (address === undefined || 'absent' in address) throw new Error('no address');
console.log(JSON.stringify([answer.kind, address.address]));
`;

/** Prints the address of each module that \`import 'narthex/verify'\` loads. */
const loaded = `
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) console.log(url);
    return next(url, context);
  },
});
await import('narthex/verify');
`;

describe('the npm package', () => {
  let folder: string;
  let project: string;
  let tarball: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'narthex-package-'));
    project = join(folder, 'project');
    mkdirSync(project);
    tarball = await pack(join(folder, 'first'));
    await install(tarball, project);
  }, 2 * stepTimeoutMs);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a command in the project, as its user would. */
  const inProject = async (command: string, ...args: string[]): Promise<string> =>
    (await run(command, args, { cwd: project, timeout: 60_000, env: projectEnvironment(project) })).stdout;
  const node = (...args: string[]): Promise<string> => inProject('node', ...args);

  it('runs on the oldest Node that it admits', async () => {
    const used = (await node('--version')).trim();
    expect(`${used}.`).toContain(peersRequired() ? `v${oldestNode}.` : process.version);
  });

  it('brings the command', async () => {
    expect((await inProject('npx', 'narthex', '--version')).trim()).toContain(version);
    await inProject('npx', 'narthex', 'init', ...initOptions, 'proxy');
    expect(await inProject('npx', 'narthex', 'check', 'proxy/narthex.yaml')).toMatch(/proxy\/narthex\.yaml/);
    const ports = ['--port', '0', '--tls-port', '0', '--http-port', '0'];
    expect(await inProject('npx', 'narthex', 'demo', '--once', ...ports)).toMatch(
      /(\d+) of \1 statements held/,
    );
  });

  it('reports a wrong configuration with the code and exit status of the checkout', async () => {
    writeFileSync(join(project, 'wrong.yaml'), 'listener: []\n');
    await expect(inProject('npx', 'narthex', 'check', 'wrong.yaml')).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringContaining('ERR_CONFIG') as string,
    });
  });

  it('verifies attestations from TypeScript, with the types it publishes', async () => {
    const page = readFileSync(join(root, 'docs/connection-signals.md'), 'utf8');
    const example = (name: string): string =>
      new RegExp(`<!-- example: ${name} -->\n\n\`\`\`\\w+\n([^\`]+)\`\`\``).exec(page)![1]!;
    const header = example('proxy-header').split('\n\n')[0]!.replaceAll('\n', '');
    writeFileSync(join(project, 'receiver.ts'), receiver);
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { strict: true, module: 'nodenext', target: 'es2024', types: ['node'], outDir: '.' },
        files: ['receiver.ts'],
      }),
    );
    await node(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
    const printed = await node('receiver.js', example('jwks'), header);
    expect(JSON.parse(printed)).toEqual(['accepted', '192.0.2.77']);
  });

  it('is called as the documentation calls it', async () => {
    const page = readFileSync(join(root, 'docs/connection-signals.md'), 'utf8');
    const [, jwks] = /<!-- example: jwks -->\n\n```json\n([^`]+)```/.exec(page)!;
    const [, jws] = /<connection-signals xmlns='urn:narthex:signals:0'>([^<]+)</.exec(page)!;
    const [, code] = /<!-- example in code: [^>]+ -->\n\n```js\n([^]+?)```/.exec(page)!;
    const world = `
      Date.now = () => 1_795_435_201_000;
      globalThis.fetch = async () => ({ json: async () => (${jwks!}) });
      globalThis.jws = ${JSON.stringify(jws)};
      globalThis.socket = { exportKeyingMaterial: () => Buffer.alloc(32, 0xe0) };
    `;
    const report = 'console.log(JSON.stringify([client_ip.address, tcp.distance, tls.observed_by]))';
    writeFileSync(join(project, 'called.js'), `${world}\n${code!}\n${report}`);
    expect(JSON.parse(await node('called.js'))).toEqual(['192.0.2.77', 12, 'edge']);
  });

  it('loads for the verifier two dependencies and none of the proxy', async () => {
    writeFileSync(join(project, 'loaded.js'), loaded);
    const urls = (await node('loaded.js')).trim().split('\n').map(String);
    const owners = urls.map((url) => /.*\/node_modules\/([^/]+\/(?:dist\/\w+)?)/.exec(url)?.[1] ?? url);
    expect([...new Set(owners)].toSorted()).toEqual([
      'jose/dist/webapi',
      'lru-cache/dist/esm',
      'narthex/dist/signals',
      'narthex/dist/stanza',
    ]);
  });

  it('holds no source, test or key', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout.trim().split('\n');
    expect(files.filter((file) => /\.(?:ts|map|pem|key)$/.test(file) && !file.endsWith('.d.ts'))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['package/LICENSE', 'package/NOTICE', 'package/README.md']));
  });

  it(
    'is released with the same bytes whenever the same commit is',
    async () => {
      const second = join(folder, 'second');
      await pack(second);
      const files = releaseFiles(second);
      expect(files).toEqual(releaseFiles(join(folder, 'first')));
      expect(Object.keys(files).map((file) => file.replace(version, 'V'))).toEqual([
        'SHA256SUMS',
        'narthex-V.cdx.json',
        'narthex-V.provenance.json',
        'narthex-V.tgz',
      ]);
      await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: second });
    },
    stepTimeoutMs,
  );

  it('is released with a list of what is installed with it, and nothing else', () => {
    const file = join(folder, `first/narthex-${version}.cdx.json`);
    const { components } = JSON.parse(readFileSync(file, 'utf8')) as {
      components: readonly { purl: string }[];
    };
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
    };
    // A link has no version.
    const installed = Object.entries(packages).filter(
      ([path, { version, dev }]) => path !== '' && version !== undefined && dev !== true,
    );
    const purl = ([path, { version }]: (typeof installed)[number]): string =>
      `pkg:npm/${path.replace(/.*node_modules\//, '').replace('@', '%40')}@${version}`;
    expect(components.map((component) => component.purl)).toEqual(installed.map(purl).toSorted());
  });

  it('is released with a statement that ties it to the commit', () => {
    const file = join(folder, `first/narthex-${version}.provenance.json`);
    const statement = JSON.parse(readFileSync(file, 'utf8')) as { subject: readonly { name: string }[] };
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicate: {
        buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: source.commit } }, {}] },
      },
    });
    expect(statement.subject.map(({ name }) => name)).toEqual([
      `narthex-${version}.tgz`,
      `narthex-${version}.cdx.json`,
    ]);
  });
});

const initOptions = ['--dev-certificates', '--domain', 'chat.example'];

const source = { commit: 'c'.repeat(40), date: '2026-12-01T00:00:00.000Z' };

/** Makes the artifacts of a release from a copy of the checkout, in `target`. Returns the path of the tarball. */
async function pack(target: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'narthex-source-'));
  try {
    for (const entry of readdirSync(root)) {
      if (!entry.startsWith('.') && !['node_modules', 'dist', 'coverage', 'release', 'test'].includes(entry))
        cpSync(join(root, entry), join(copy, entry), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const [tarball] = writeArtifacts(copy, target, source);
    return join(target, tarball!);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Returns the contents of the files in a folder by their names, in the order of the names. */
function releaseFiles(target: string): Readonly<Record<string, string>> {
  const names = readdirSync(target).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(target, name), 'base64')]));
}

/** Installs the tarball into an empty project; types for Node and the compiler stay those of the checkout. */
async function install(tarball: string, project: string): Promise<void> {
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', type: 'module', private: true }),
  );
  const modules = join(project, 'node_modules');
  if (peersRequired()) {
    const packages = [tarball, `node@${oldestNode}`];
    await run('npm', ['install', '--no-audit', '--no-fund', ...packages], {
      cwd: project,
      timeout: stepTimeoutMs,
    });
  } else {
    mkdirSync(join(modules, '.bin'), { recursive: true });
    for (const name of readdirSync(join(root, 'node_modules')).filter((entry) => !entry.startsWith('.')))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
    await run('tar', ['-xzf', tarball, '-C', modules, '--transform=s/^package/narthex/']);
    symlinkSync(join(modules, 'narthex/src/cli/narthex.js'), join(modules, '.bin/narthex'));
  }
  if (!existsSync(join(modules, '@types')))
    symlinkSync(join(root, 'node_modules/@types'), join(modules, '@types'));
}

/** Returns the environment of a shell in the project: its own programs come first. */
function projectEnvironment(project: string): NodeJS.ProcessEnv {
  const { PATH = '', HOME } = process.env;
  return { HOME, PATH: `${join(project, 'node_modules/.bin')}:${PATH}` };
}
