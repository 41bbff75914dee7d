/**
 * `kustomize build` for the few features that deploy/kustomize uses: resources, namespace, labels on metadata, images,
 * and ConfigMaps generated from files with a hash in their name. A kustomization that asks for more is refused, not
 * half rendered. Where kubectl is installed, a test compares the two.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** A Kubernetes object, as plain data. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: z.string(),
  labels: z.array(z.strictObject({ pairs: z.record(z.string(), z.string()) })),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })),
  configMapGenerator: z.array(z.strictObject({ name: z.string(), files: z.array(z.string()) })),
  resources: z.array(z.string()),
});

type Kustomization = z.infer<typeof kustomization>;

/** The objects that `folder/kustomization.yaml` describes, in no particular order. */
export function renderKustomization(folder: string): Manifest[] {
  const settings = kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));
  const generated = new Map<string, Manifest>();
  for (const { name, files } of settings.configMapGenerator)
    generated.set(name, configMap(folder, name, files));

  const resources = settings.resources.flatMap((file) => readManifests(join(folder, file)));
  const manifests = [...resources, ...generated.values()];
  for (const manifest of manifests) {
    placeInNamespace(manifest, settings.namespace);
    for (const { pairs } of settings.labels)
      manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
    visit(manifest, (object) => {
      replaceImage(object, settings.images);
      followConfigMap(object, generated);
    });
  }
  return manifests;
}

function readManifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as Manifest;
  });
}

function configMap(folder: string, name: string, files: readonly string[]): Manifest {
  const data = Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-${contentHash(data)}` }, data };
}

/** Kustomize hashes the JSON that Go would write, and spells the digest without what could be read as words. */
function contentHash(data: Readonly<Record<string, string>>): string {
  const json = JSON.stringify({ data, kind: 'ConfigMap', name: '' }).replace(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
  const digest = createHash('sha256').update(json).digest('hex').slice(0, 10);
  return digest.replace(/[013ae]/g, (digit) => ({ 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' })[digit]!);
}

function placeInNamespace(manifest: Manifest, namespace: string): void {
  if (manifest.kind !== 'Namespace') manifest.metadata.namespace = namespace;
}

function replaceImage(object: Record<string, unknown>, images: Kustomization['images']): void {
  const image = images.find(({ name }) => object['image'] === name);
  if (image) object['image'] = `${image.newName}:${image.newTag}`;
}

/** A volume names the ConfigMap it mounts; the generated one's full name is known only now. */
function followConfigMap(object: Record<string, unknown>, generated: ReadonlyMap<string, Manifest>): void {
  const source = object['configMap'] as { name?: string } | undefined;
  const target = source?.name === undefined ? undefined : generated.get(source.name);
  if (source && target) source.name = target.metadata.name;
}

function visit(value: unknown, act: (object: Record<string, unknown>) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, act);
  else if (typeof value === 'object' && value !== null) {
    act(value as Record<string, unknown>);
    for (const item of Object.values(value)) visit(item, act);
  }
}
