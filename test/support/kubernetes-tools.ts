/** The chart and the kustomizations of deploy/, rendered by helm and kubectl (`.ci/kubernetes-tools`). */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { programs } from '../peers/programs.ts';
import type { Manifest } from './kubernetes-schemas.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
export const chart = join(root, 'deploy/helm/narthex');
const renderedBytesMax = 16 * 1_048_576;

/** What a program has written.
 *  @throws Error with what it wrote to standard error */
async function output(program: string, args: readonly string[]): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'narthex-kubernetes-'));
  try {
    // Neither settings nor plugins of this machine's user.
    const env = { HOME: home, PATH: '/usr/bin:/bin' };
    const { stdout } = await run(program, [...args], { env, maxBuffer: renderedBytesMax });
    return stdout;
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Runs helm; answers with its standard output. @throws Error with its standard error */
export function helm(...args: readonly string[]): Promise<string> {
  return output(programs.helm, args);
}

/** What the chart makes of each list of arguments: half a second of helm each. */
const texts = new Map<string, Promise<string>>();

/** The text that the chart makes of values: a release `narthex` in the namespace `narthex`. Runs helm once for each list of
 *  arguments: files that they name must not change. */
export function templateText(...args: readonly string[]): Promise<string> {
  const key = JSON.stringify(args);
  const text = texts.get(key) ?? helm('template', 'narthex', chart, '--namespace', 'narthex', ...args);
  texts.set(key, text);
  return text;
}

export async function template(...args: readonly string[]): Promise<Manifest[]> {
  return manifestsIn(await templateText(...args));
}

/** The objects of a folder with a kustomization. */
export async function kustomize(folder: string): Promise<Manifest[]> {
  return manifestsIn(await output(programs.kubectl, ['kustomize', folder]));
}

/** @throws YAMLParseError */
export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** The only object of a kind, or the one of this name. */
export function find<T = Manifest>(
  manifests: readonly (Manifest | (T & Manifest))[],
  kind: string,
  name?: string,
): T {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} ${name ?? ''}`);
  return found[0] as T;
}

/** The ConfigMap with narthex.yaml. */
export function configMapOf(
  manifests: readonly Manifest[],
): Manifest & { readonly data: Record<string, string> } {
  const found = manifests.find(
    ({ kind, data }) => kind === 'ConfigMap' && Object.hasOwn(data as object, 'narthex.yaml'),
  );
  if (found === undefined) throw new Error('no ConfigMap has narthex.yaml');
  return found as Manifest & { readonly data: Record<string, string> };
}
