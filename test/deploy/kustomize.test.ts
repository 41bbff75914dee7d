import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IService } from 'kubernetes-models/v1/Service';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readDockerfile } from '../support/dockerfile.ts';
import { compilerErrors, validate } from '../support/kubernetes-schemas.ts';
import { renderKustomization, type Manifest } from '../support/kustomize.ts';
import { podSecurityViolations } from '../support/pod-security.ts';

const root = new URL('../..', import.meta.url).pathname;
// From PATH: Debian has none that is recent enough, so any folder may have one.
const kubectlProgram = 'kubectl';
const base = join(root, 'deploy/kustomize/base');
const manifests = renderKustomization(base);

function find(kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  expect(found).toHaveLength(1);
  return structuredClone(found[0]!);
}

const deployment = find('Deployment') as unknown as IDeployment;
const service = find('Service') as unknown as IService;
const networkPolicy = find('NetworkPolicy') as unknown as INetworkPolicy;
const disruptionBudget = find('PodDisruptionBudget') as unknown as IPodDisruptionBudget;
const configMap = find('ConfigMap') as unknown as IConfigMap;
const pod = deployment.spec!.template.spec!;
const container = pod.containers[0]!;

interface ProxyConfig {
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
  readonly certificates: readonly { readonly certFile: string; readonly keyFile: string }[];
  readonly timeouts: { readonly drainMs: number };
  readonly http: { readonly port: number };
  readonly admin: { readonly host: string; readonly port: number };
}
const config = parse(configMap.data!['narthex.yaml']!) as ProxyConfig;

describe('the kustomize base', () => {
  it.each(manifests)('renders a valid $kind', (manifest) => {
    expect(() => validate(manifest)).not.toThrow();
  });

  it('has no field that Kubernetes does not know', async () => {
    expect(await compilerErrors(manifests)).toEqual([]);
  });

  it('puts everything in one namespace, which enforces restricted pods', () => {
    const outside = manifests.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'narthex',
    );
    expect(outside).toEqual([]);
    expect(find('Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  const kubectl = kubectlKustomize();
  it.skipIf(kubectl === undefined)(
    `renders as kubectl does${kubectl ? '' : ' (skipped: no kubectl with kustomize 5)'}`,
    () => {
      const theirs = parseAllDocuments(kubectl!()).map((document) => document.toJS() as Manifest);
      expect(byName(manifests)).toEqual(byName(theirs));
    },
  );
});

describe('validation', () => {
  it('notices a field that does not exist', async () => {
    const wrong = find('Deployment') as Manifest & { spec: Record<string, unknown> };
    wrong.spec['replica'] = 2;
    expect((await compilerErrors([wrong])).join()).toContain('"replica"\' does not exist');
  });

  it('notices a value of the wrong type, and a field that is missing', () => {
    const service = find('Service') as Manifest & { spec: { ports: Record<string, unknown>[] } };
    service.spec.ports[0]!['port'] = 'five';
    expect(() => validate(service)).toThrow('port');
    const claim = find('Deployment') as Manifest & { spec: Record<string, unknown> };
    delete claim.spec['selector'];
    expect(() => validate(claim)).toThrow('selector');
  });

  it('has no word for a kind it has no schema for', () => {
    const manifest = { apiVersion: 'v1', kind: 'Pods', metadata: { name: 'x' } };
    expect(() => validate(manifest)).toThrow('no schema');
  });
});

describe('the pod', () => {
  it('keeps to the restricted profile', () => {
    expect(podSecurityViolations(pod)).toEqual([]);
  });

  it.each<[string, (spec: typeof pod) => void]>([
    ['seccompProfile', (spec) => delete spec.securityContext!.seccompProfile],
    ['runAsNonRoot', (spec) => delete spec.securityContext!.runAsNonRoot],
    ['runAsUser', (spec) => (spec.securityContext!.runAsUser = 0)],
    ['service-account token', (spec) => delete spec.automountServiceAccountToken],
    ['hostNetwork', (spec) => (spec.hostNetwork = true)],
    ['allowPrivilegeEscalation', (spec) => delete spec.containers[0]!.securityContext],
    ['readOnlyRootFilesystem', (spec) => delete spec.containers[0]!.securityContext!.readOnlyRootFilesystem],
    ['ALL capabilities', (spec) => delete spec.containers[0]!.securityContext!.capabilities],
    ['adds capabilities', (spec) => (spec.containers[0]!.securityContext!.capabilities!.add = ['NET_ADMIN'])],
    ['volume host', (spec) => spec.volumes!.push({ name: 'host', hostPath: { path: '/' } })],
  ])('would be found out without it: %s', (word, spoil) => {
    const spoiled = structuredClone(pod);
    spoil(spoiled);
    expect(podSecurityViolations(spoiled).join('; ')).toContain(word);
  });

  it('runs as the user of the image, from a tagged image', () => {
    const [, runtime] = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
    const user = runtime!.instructions.find(({ name }) => name === 'USER')!.text;
    expect(`${pod.securityContext!.runAsUser}:${pod.securityContext!.runAsGroup}`).toBe(user);
    expect(container.image).toMatch(/:\d+\.\d+\.\d+$/);
  });

  it('mounts whole directories, read-only', () => {
    expect(container.volumeMounts!.length).toBeGreaterThan(0);
    expect(
      container.volumeMounts!.filter(({ subPath, readOnly }) => subPath !== undefined || !readOnly),
    ).toEqual([]);
  });

  it('is asked for its health on the admin port', () => {
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    const paths = probes.map((probe) => [probe!.httpGet!.path, probe!.httpGet!.port]);
    expect(paths).toEqual([
      ['/startupz', 'admin'],
      ['/livez', 'admin'],
      ['/readyz', 'admin'],
    ]);
  });
});

describe('the configuration in the cluster', () => {
  const ports = new Map(container.ports!.map(({ name, containerPort }) => [name!, containerPort]));

  it('is mounted where the process looks for it, under the name that carries its hash', () => {
    const file = container.env!.find(({ name }) => name === 'NARTHEX_CONFIG')!.value!;
    const mount = container.volumeMounts!.find(({ mountPath }) => file === `${mountPath}/narthex.yaml`)!;
    const volume = pod.volumes!.find(({ name }) => name === mount.name)!;
    expect(volume.configMap!.name).toBe(configMap.metadata!.name);
    expect(volume.configMap!.name).toMatch(/^narthex-config-[0-9a-z]{10}$/);
  });

  it('finds its certificates in the mounted secret', () => {
    const secret = pod.volumes!.find((volume) => volume.secret?.secretName === 'narthex-tls')!;
    const { mountPath } = container.volumeMounts!.find(({ name }) => name === secret.name)!;
    expect(config.certificates).toEqual([
      { certFile: `${mountPath}/tls.crt`, keyFile: `${mountPath}/tls.key` },
    ]);
  });

  it('listens where the container says', () => {
    const admin = ports.get('admin');
    expect(config.admin).toEqual({ host: '::', port: admin });
    expect(config.http.port).toBe(ports.get('https'));
    const streams = [...ports].filter(([name]) => name.startsWith('xmpp')).map(([, port]) => port);
    expect(config.listeners.map(({ port }) => port)).toEqual(streams);
  });

  it('is reached through the service, the admin port not', () => {
    const targets = service.spec!.ports!.map(({ port, targetPort }) => [
      port,
      ports.get(targetPort as string),
    ]);
    expect(targets).toEqual([...config.listeners.map(({ port }) => [port, port]), [443, config.http.port]]);
    expect(service.spec!.externalTrafficPolicy).toBe('Local');
  });

  it('lets clients in from anywhere, and only the monitoring namespace to the admin port', () => {
    const [clients, monitoring, ...others] = networkPolicy.spec!.ingress!;
    expect(clients!.from).toBeUndefined();
    expect(clients!.ports!.map(({ port }) => port)).toEqual(['xmpp-client', 'xmpps-client', 'https']);
    expect(monitoring!.from).toHaveLength(1);
    expect(monitoring!.ports!.map(({ port }) => port)).toEqual(['admin']);
    expect(others).toEqual([]);
    expect(networkPolicy.spec!.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  it('leaves time to drain before the pod is killed', () => {
    const preStopMs = container.lifecycle!.preStop!.sleep!.seconds * 1_000;
    const closeGraceMs = 1_000;
    const graceMs = pod.terminationGracePeriodSeconds! * 1_000;
    expect(preStopMs).toBeGreaterThan(0);
    expect(preStopMs + config.timeouts.drainMs + closeGraceMs).toBeLessThan(graceMs);
  });

  it('selects its own pods everywhere', () => {
    const { labels } = deployment.spec!.template.metadata!;
    const selectors = [
      deployment.spec!.selector.matchLabels,
      service.spec!.selector,
      networkPolicy.spec!.podSelector.matchLabels,
      disruptionBudget.spec!.selector!.matchLabels,
      pod.topologySpreadConstraints![0]!.labelSelector!.matchLabels,
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
  });
});

/** `kubectl kustomize`, if it is recent enough to know `labels`. */
function kubectlKustomize(): (() => string) | undefined {
  const version = spawnSync(kubectlProgram, ['version', '--client'], { encoding: 'utf8' });
  if (version.status !== 0 || !/Kustomize Version: v5\./.test(version.stdout)) return undefined;
  return () => execFileSync(kubectlProgram, ['kustomize', base], { encoding: 'utf8' });
}

function byName(list: readonly Manifest[]): Map<string, Manifest> {
  const named = list.map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, manifest] as const);
  expect(new Set(named.map(([name]) => name)).size).toBe(list.length);
  return new Map(named);
}
