/**
 * The Dockerfile's steps, carried out in a temporary folder, for machines without a container engine. `npm ci` and
 * `npm prune` run only where NARTHEX_PEERS=required; elsewhere the checkout's own dependencies stand in for them.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCertificates } from '../peers/certificates.ts';
import { peersRequired } from '../peers/require.ts';
import { execForm, readDockerfile, type BuildStage } from '../support/dockerfile.ts';
import { treeLines } from '../support/tree-digest.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const [build, runtime] = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8')) as [
  BuildStage,
  BuildStage,
];
const stepTimeoutMs = 600_000;

/** Carries out a step in a folder that stands for /app. */
type Step = (text: string, folder: string) => Promise<void>;

/** Carries out both stages, each in a folder of its own. */
async function buildInto(image: string, step: Step): Promise<void> {
  await carryOut(build, `${image}-build`, root, step);
  await carryOut(runtime, image, `${image}-build`, step);
}

/** Both stages have the working folder /app; it stands for `folder` here. */
async function carryOut(stage: BuildStage, folder: string, source: string, step: Step): Promise<void> {
  for (const { name, text } of stage.instructions) {
    if (name === 'COPY') copy(text, folder, source);
    if (name === 'RUN') await step(text, folder);
  }
}

function copy(text: string, folder: string, source: string): void {
  const words = text.split(/\s+/).filter((word) => !word.startsWith('--'));
  const target = words[words.length - 1]!;
  for (const word of words.slice(0, -1)) {
    const from = relative('/app', resolve('/app', word));
    const to = target === './' ? join(folder, from) : join(folder, target);
    cpSync(join(source, from), to, { recursive: true, verbatimSymlinks: true });
  }
}

const runStep: Step = async (text, folder) => {
  const fetches = text.startsWith('npm ci') || text.startsWith('npm prune');
  if (!fetches || peersRequired())
    await run('/bin/sh', ['-c', text], { cwd: folder, timeout: stepTimeoutMs });
  // A link, never a copy to prune: what it leads to belongs to the checkout.
  else if (text === 'npm ci') symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
};

/** Fetches what production needs and nothing else: it has to come to the same as to fetch everything and to prune it. The compiler
 *  and its types are those of a folder above. */
const runStepOtherwise: Step = async (text, folder) => {
  if (text === 'npm ci') await runStep('npm ci --omit=dev', folder);
  else if (!text.startsWith('npm prune')) await runStep(text, folder);
};

/** Builds a second time, in another way. */
async function buildAgain(folder: string): Promise<string> {
  const image = join(folder, 'image');
  mkdirSync(folder);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await buildInto(image, runStepOtherwise);
  return image;
}

describe('the image', () => {
  let folder: string;
  let image: string;
  let again: string | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'narthex-image-'));
    image = join(folder, 'image');
    const second = join(folder, 'second');
    [, again] = await Promise.all([
      buildInto(image, runStep),
      peersRequired() ? buildAgain(second) : undefined,
    ]);
  }, 2 * stepTimeoutMs);
  afterAll(() => rmSync(folder, { recursive: true, force: true }), stepTimeoutMs);

  it.runIf(peersRequired())('is the same tree when it is built again', () => {
    expect(treeLines(again!)).toEqual(treeLines(image));
  });

  it('holds compiled sources only', () => {
    expect(existsSync(join(image, 'dist', 'stanza', 'stanza.js'))).toBe(true);
    expect(existsSync(join(image, 'src'))).toBe(false);
  });

  it.runIf(peersRequired())('holds no development dependency', () => {
    expect(existsSync(join(image, 'node_modules', 'zod'))).toBe(true);
    expect(existsSync(join(image, 'node_modules', 'typescript'))).toBe(false);
  });

  it('starts, and explains itself', async () => {
    const { stdout } = await start(image, ['--help']);
    expect(stdout).toContain('serve');
  });

  it('plays the demo, as the overlay for a local try-out runs it', async () => {
    const ports = ['--port', '0', '--tls-port', '0', '--http-port', '0'];
    const { stdout } = await start(image, ['demo', '--once', ...ports], 60_000);
    expect(stdout).toMatch(/(\d+) of \1 statements held/);
  });

  it('accepts the configuration of the kustomize base', async () => {
    const text = readFileSync(join(root, 'deploy/kustomize/base/narthex.yaml'), 'utf8');
    const { chain, key } = issueCertificates(['chat.example']);
    writeFileSync(join(folder, 'tls.crt'), chain);
    writeFileSync(join(folder, 'tls.key'), key);
    writeFileSync(join(folder, 'current'), 'p'.repeat(32), { mode: 0o600 });
    const mounted = text.replaceAll(/\/etc\/narthex\/(?:tls|keys\/pseudonyms)/g, folder);
    writeFileSync(join(folder, 'narthex.yaml'), mounted);
    await expect(start(image, ['check', join(folder, 'narthex.yaml')])).resolves.toBeDefined();

    writeFileSync(join(folder, 'wrong.yaml'), text);
    await expect(start(image, ['check', join(folder, 'wrong.yaml')])).rejects.toThrow('ERR_CONFIG_FILE');
  });

  describe.runIf(peersRequired() || process.getuid?.() === 0)('as a pod runs it, without rights', () => {
    let volume: string;
    let node: string;
    beforeAll(() => {
      volume = join(folder, 'volume');
      node = join(folder, 'node');
      mkdirSync(volume);
      cpSync(process.execPath, node);
      // The folder is its owner's only; the user of the image must get in.
      chmodSync(folder, 0o755);
    });

    /** Runs a program as the user of the image, with every file system read-only but the volume. */
    const confined = (program: string, args: readonly string[]): Promise<{ stdout: string }> =>
      run('unshare', ['--mount', 'sh', '-c', confinement, 'sh', volume, program, ...args], {
        cwd: image,
        env: { PATH: process.env['PATH'], TMPDIR: volume },
        timeout: 120_000,
      });

    it('cannot write but to its volume', async () => {
      await expect(confined('touch', [join(image, 'x')])).rejects.toThrow('Read-only file system');
      await expect(confined('touch', [join(tmpdir(), 'narthex-x')])).rejects.toThrow('Read-only file system');
      await expect(confined('touch', [join(volume, 'x')])).resolves.toBeDefined();
      expect((await confined('id', ['-u'])).stdout.trim()).toBe('65532');
    });

    it('plays the demo', async () => {
      const [, ...flags] = execForm(runtime.instructions.find(({ name }) => name === 'ENTRYPOINT')!)!;
      const ports = ['--port', '0', '--tls-port', '0', '--http-port', '0'];
      const { stdout } = await confined(node, [...flags, 'demo', '--once', ...ports]);
      expect(stdout).toMatch(/(\d+) of \1 statements held/);
    });
  });
});

/** A shell script: mounts a volume at its first argument, makes every other file system read-only, and runs the rest as the
 *  user of the image, without capabilities. */
const confinement = `
set -eu
volume=$1; shift
mount -t tmpfs -o size=32m,mode=1777 tmpfs "$volume"
while read -r _ target _ options _; do
  case $target in "$volume" | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) continue ;; esac
  case $options in rw | rw,*) mount -o remount,bind,ro "$target" ;; esac
done < /proc/self/mounts
exec setpriv --reuid=65532 --regid=65532 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
`;

/** Runs the entrypoint with this machine's Node in place of the image's, and nothing in the environment. */
function start(image: string, args: readonly string[], timeout = 20_000): Promise<{ stdout: string }> {
  const entrypoint = runtime.instructions.find(({ name }) => name === 'ENTRYPOINT')!;
  const [, ...flags] = execForm(entrypoint)!;
  return run(process.execPath, [...flags, ...args], { cwd: image, env: {}, timeout });
}
