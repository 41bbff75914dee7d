/**
 * Manifests against the schemas of Kubernetes itself, offline. The models check types and required fields but pass
 * over keys they do not know; the compiler, given the manifest as a literal, refuses those.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Certificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Pod } from 'kubernetes-models/v1/Pod';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';

/** A Kubernetes object, as plain data. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

const models = {
  'v1/ConfigMap': ConfigMap,
  'v1/Namespace': Namespace,
  'v1/Pod': Pod,
  'v1/Service': Service,
  'v1/ServiceAccount': ServiceAccount,
  'apps/v1/Deployment': Deployment,
  'apps/v1/StatefulSet': StatefulSet,
  'autoscaling/v2/HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'cert-manager.io/v1/Certificate': Certificate,
  'monitoring.coreos.com/v1/PrometheusRule': PrometheusRule,
  'monitoring.coreos.com/v1/ServiceMonitor': ServiceMonitor,
  'networking.k8s.io/v1/NetworkPolicy': NetworkPolicy,
  'policy/v1/PodDisruptionBudget': PodDisruptionBudget,
} as const;

type Model = new (manifest: Manifest) => { validate(): void };

/** @throws Error naming the field, for a wrong type, a missing field, or a kind that is not listed here. */
export function validate(manifest: Manifest): void {
  const model = (models as unknown as Readonly<Record<string, Model>>)[modelName(manifest)];
  if (model === undefined) throw new Error(`no schema for ${modelName(manifest)}`);
  new model(manifest).validate();
}

const root = join(import.meta.dirname, '..', '..');

/** What the compiler says against the manifests, one line each; empty if it agrees. */
export async function compilerErrors(manifests: readonly Manifest[]): Promise<string[]> {
  // Inside the checkout, so that the models are found in its node_modules.
  const parent = join(root, '.narthex');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'manifests-'));
  try {
    await writeFile(join(folder, 'manifests.ts'), manifests.map(literal).join('\n'));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(compilerSettings));
    return await compile(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const compilerSettings = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2024',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  },
  files: ['manifests.ts'],
};

/** Packages with the models of kinds that are not Kubernetes' own. */
const packages: Readonly<Record<string, string>> = {
  'cert-manager.io/v1': '@kubernetes-models/cert-manager',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator',
};

function literal(manifest: Manifest, index: number): string {
  const source = packages[manifest.apiVersion] ?? 'kubernetes-models';
  const type = `import('${source}/${modelName(manifest)}').I${manifest.kind}`;
  return `export const ${variable(manifest)}_${index} = ${JSON.stringify(manifest, null, 2)} satisfies ${type};`;
}

function variable({ kind, metadata }: Manifest): string {
  return `${kind}_${metadata.name}`.replace(/\W/g, '_');
}

async function compile(folder: string): Promise<string[]> {
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  try {
    await promisify(execFile)(compiler, ['-p', folder, '--pretty', 'false']);
    return [];
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    return stdout.trim().split('\n');
  }
}

function modelName({ apiVersion, kind }: Manifest): string {
  return `${apiVersion}/${kind}`;
}
