/** deploy/kustomize: the base against the chart, and every overlay against the chart's values file of the same name.
 *  UPDATE_GOLDEN=1 writes the files that the chart determines. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IService } from 'kubernetes-models/v1/Service';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeWithPeers } from '../peers/require.ts';
import { compilerErrors, validate, type Manifest } from '../support/kubernetes-schemas.ts';
import {
  chart,
  configMapOf,
  find,
  kustomize,
  manifestsIn,
  template,
  templateText,
} from '../support/kubernetes-tools.ts';
import { podSecurityViolations } from '../support/pod-security.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'deploy/kustomize');
const base = join(folder, 'base');
const overlays = readdirSync(join(folder, 'overlays'));
const overlay = (name: string): Promise<Manifest[]> => kustomize(join(folder, 'overlays', name));

/** Labels that only helm sets. */
const helmLabels = ['app.kubernetes.io/managed-by', 'app.kubernetes.io/version', 'helm.sh/chart'];

/** The text of one object as kustomize is to have it: without labels of helm and the hash of narthex.yaml. */
function asBase(text: string): string {
  const labels = new RegExp(`^ *(?:${helmLabels.join('|')}): .*\n`, 'gm');
  return text
    .replace(/^# Source: .*\n/gm, '')
    .replace(labels, '')
    .replace(/\bnarthex-config-[0-9a-f]{10}\b/g, 'narthex-config')
    .trimStart();
}

/** Where each template goes. */
const written: Readonly<Record<string, readonly [template: string, ...values: string[]]>> = {
  'base/service-account.yaml': ['service-account'],
  'base/deployment.yaml': ['deployment'],
  'base/service.yaml': ['service'],
  'base/network-policy.yaml': ['network-policy'],
  'base/pod-disruption-budget.yaml': ['pod-disruption-budget'],
  'overlays/cert-manager/certificate.yaml': [
    'certificate',
    '--values',
    join(chart, 'ci/cert-manager-values.yaml'),
  ],
  ...Object.fromEntries(
    ['service-monitor', 'prometheus-rule', 'dashboard'].map((name) => [
      `overlays/monitoring/${name}.yaml`,
      [name, '--values', join(chart, 'ci/monitoring-values.yaml')] as const,
    ]),
  ),
};

async function fromChart(file: string): Promise<string> {
  const [name, ...values] = written[file]!;
  const text = await templateText('--show-only', `templates/${name}.yaml`, ...values);
  // One document mark between objects, none before the first.
  const path = join(folder, file);
  return format(asBase(text.replace(/^---\n/, '')), { ...(await resolveConfig(path)), filepath: path });
}

/** Objects of helm and kustomize in one form, by kind and name. */
function comparable(manifests: readonly Manifest[]): Map<string, Manifest> {
  const entries = manifests
    .filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.annotations?.['helm.sh/hook'] === undefined,
    )
    .map((manifest): [string, Manifest] => {
      const text = JSON.stringify(manifest).replace(/narthex-config-[0-9a-z]{10}/g, 'narthex-config');
      const copy = JSON.parse(text) as Manifest & { data?: Record<string, unknown> };
      for (const label of helmLabels) delete copy.metadata.labels?.[label];
      const narthex = copy.data?.['narthex.yaml'];
      if (typeof narthex === 'string') copy.data!['narthex.yaml'] = parse(narthex);
      return [`${copy.kind}/${copy.metadata.name}`, copy];
    });
  return new Map(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

describeWithPeers(['helm and kubectl'], 'the kustomize base', () => {
  it.each(Object.keys(written))('has %s as the chart renders it', async (file) => {
    const text = await fromChart(file);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(folder, file), text);
    expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
  });

  it('is equal to the rendered chart, object by object', async () => {
    const ours = comparable(await kustomize(base));
    expect(ours).toEqual(comparable(await template()));
    expect(ours.size).toBe(7);
  });

  it('puts everything in one namespace, which enforces restricted pods', async () => {
    const manifests = await kustomize(base);
    const outside = manifests.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'narthex',
    );
    expect(outside).toEqual([]);
    expect(find(manifests, 'Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  it('gives narthex.yaml a name with a hash, which the Deployment follows', async () => {
    const manifests = await kustomize(base);
    const { name } = configMapOf(manifests).metadata;
    expect(name).toMatch(/^narthex-config-[0-9a-z]{10}$/);
    expect(JSON.stringify(find(manifests, 'Deployment'))).toContain(`"name":"${name}"`);
  });
});

describeWithPeers(['helm and kubectl'], 'the kustomize overlays', () => {
  it('are those of the documents', () => {
    expect(overlays).toEqual([
      'cert-manager',
      'host-network',
      'load-balancer',
      'local',
      'monitoring',
      'shared-state',
    ]);
  });

  it.each(overlays)('render valid objects: %s', async (name) => {
    for (const manifest of await overlay(name)) expect(() => validate(manifest)).not.toThrow();
  });

  it('have no field that Kubernetes does not know', async () => {
    const all = await Promise.all([kustomize(base), ...overlays.map(overlay)]);
    expect(await compilerErrors(all.flat())).toEqual([]);
  }, 120_000);

  it.each(['cert-manager', 'host-network', 'load-balancer', 'shared-state'])(
    '%s is equal to the chart with its values',
    async (name) => {
      const values = join(chart, 'ci', `${name}-values.yaml`);
      expect(comparable(await overlay(name))).toEqual(comparable(await template('--values', values)));
    },
  );

  it('monitoring is equal to the chart with its values, but for the address of the collector', async () => {
    const theirs = await template(
      '--values',
      join(chart, 'ci/monitoring-values.yaml'),
      '--set',
      'config.tracing=null',
    );
    expect(comparable(await overlay('monitoring'))).toEqual(comparable(theirs));
  });

  it.each(overlays.filter((name) => name !== 'host-network'))(
    'keep to the restricted profile: %s',
    async (name) => {
      expect(
        podSecurityViolations(find<IDeployment>(await overlay(name), 'Deployment').spec!.template.spec!),
      ).toEqual([]);
    },
  );

  it('host-network breaks it in one thing, and its namespace says so', async () => {
    const manifests = await overlay('host-network');
    const pod = find<IDeployment>(manifests, 'Deployment').spec!.template.spec!;
    expect(podSecurityViolations(pod)).toEqual(['hostNetwork is set']);
    expect(find(manifests, 'Namespace').metadata.labels!['pod-security.kubernetes.io/enforce']).toBe(
      'privileged',
    );
  });

  it('local is one pod with everything in it, which needs no secret and no file', async () => {
    const manifests = await overlay('local');
    const { replicas, template: pods } = find<IDeployment>(manifests, 'Deployment').spec!;
    const [container] = pods.spec!.containers;
    expect([replicas, container!.args]).toEqual([1, ['demo']]);
    expect(
      pods.spec!.volumes!.map(({ emptyDir, secret, configMap }) => [
        emptyDir !== undefined,
        secret,
        configMap,
      ]),
    ).toEqual([[true, undefined, undefined]]);
    expect(container!.livenessProbe).toBeUndefined();
    expect(find<IService>(manifests, 'Service', 'narthex').spec!.type).toBe('ClusterIP');
  });

  it('set the image by its own name', async () => {
    // Inside the checkout: a kustomization names others by relative paths only.
    await mkdir(join(root, '.narthex'), { recursive: true });
    const own = await mkdtemp(join(root, '.narthex', 'overlay-'));
    try {
      await writeFile(
        join(own, 'kustomization.yaml'),
        `resources: [${relative(own, join(folder, 'overlays/load-balancer'))}]\n` +
          'images: [{ name: narthex, newName: registry.example/interop/narthex, newTag: 1.2.3 }]\n',
      );
      const { spec } = find<IDeployment>(await kustomize(own), 'Deployment');
      expect(spec!.template.spec!.containers[0]!.image).toBe('registry.example/interop/narthex:1.2.3');
    } finally {
      await rm(own, { recursive: true });
    }
  });
});

describeWithPeers(['helm and kubectl'], 'validation', () => {
  const deployment = async (): Promise<Manifest & { spec: Record<string, unknown> }> =>
    find(await kustomize(base), 'Deployment');

  it('notices a field that does not exist', async () => {
    const wrong = await deployment();
    wrong.spec['replica'] = 2;
    expect((await compilerErrors([wrong])).join()).toContain('"replica"\' does not exist');
  }, 60_000);

  it('notices a value of the wrong type, and a field that is missing', async () => {
    const service = find<Manifest & { spec: { ports: Record<string, unknown>[] } }>(
      await kustomize(base),
      'Service',
      'narthex',
    );
    service.spec.ports[0]!['port'] = 'five';
    expect(() => validate(service)).toThrow('port');
    const claim = await deployment();
    delete claim.spec['selector'];
    expect(() => validate(claim)).toThrow('selector');
  });

  it('has no word for a kind it has no schema for', () => {
    const manifest = { apiVersion: 'v1', kind: 'Pods', metadata: { name: 'x' } };
    expect(() => validate(manifest)).toThrow('no schema');
  });

  type Pod = NonNullable<NonNullable<IDeployment['spec']>['template']['spec']>;
  it.each<[string, (spec: Pod) => void]>([
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
  ])('of the restricted profile notices: %s', async (word, spoil) => {
    const pod = find<IDeployment>(await kustomize(base), 'Deployment').spec!.template.spec!;
    spoil(pod);
    expect(podSecurityViolations(pod).join('; ')).toContain(word);
  });

  it('reads what helm writes', () => {
    expect(manifestsIn('---\n# nothing\n---\nkind: A\n')).toHaveLength(1);
  });
});
