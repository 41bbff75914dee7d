/** deploy/helm/narthex: what the chart renders for every values file in its `ci/`, by the helm that is pinned. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { IStatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPod } from 'kubernetes-models/v1/Pod';
import type { IService } from 'kubernetes-models/v1/Service';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { connectRedis } from '../../src/state/redis.ts';
import { narthex } from '../cli/narthex.ts';
import { startProcess } from '../peers/process.ts';
import { programs } from '../peers/programs.ts';
import { describeWithPeers } from '../peers/require.ts';
import { freePort } from '../../src/app/demo/free-port.ts';
import { retried } from '../support/wait.ts';
import { readDockerfile } from '../support/dockerfile.ts';
import { compilerErrors, validate, type Manifest } from '../support/kubernetes-schemas.ts';
import { chart, configMapOf, find, helm, template, templateText } from '../support/kubernetes-tools.ts';
import { startTestProxy } from '../support/proxy.ts';
import { podSecurityViolations } from '../support/pod-security.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = join(import.meta.dirname, '../..');
const modes = readdirSync(join(chart, 'ci')).map((file) => file.replace('-values.yaml', ''));
const valuesOf = (mode: string): string[] => ['--values', join(chart, 'ci', `${mode}-values.yaml`)];
const rendered = new Map<string, Manifest[]>();

const deploymentOf = (manifests: readonly Manifest[]): IDeployment =>
  find<IDeployment>(manifests, 'Deployment');
/** The policy of the pods, whatever the name of the release. */
const policyOf = (manifests: readonly Manifest[]) =>
  find<INetworkPolicy>(
    manifests.filter(({ metadata }) => metadata.name !== 'narthex-store'),
    'NetworkPolicy',
  ).spec!;
const podOf = (manifests: readonly Manifest[]) => deploymentOf(manifests).spec!.template.spec!;
const configOf = (manifests: readonly Manifest[]) =>
  parse(configMapOf(manifests).data['narthex.yaml']!) as {
    readonly replicas: number;
    readonly listeners: readonly { readonly name: string; readonly port: number }[];
    readonly admin: { readonly port: number };
    readonly timeouts: { readonly drainMs: number };
  };

describeWithPeers(['helm and kubectl'], 'the chart', () => {
  beforeAll(async () => {
    rendered.set('defaults', await template());
    for (const mode of modes) rendered.set(mode, await template(...valuesOf(mode)));
  });
  const every = ['defaults', ...modes];
  const of = (mode: string): Manifest[] => structuredClone(rendered.get(mode)!);

  it('is rendered by helm 4.1', async () => {
    expect(await helm('version', '--short')).toMatch(/^v4\.1\./);
  });

  it.each(modes)('has nothing that helm lint would say of %s', async (mode) => {
    const said = await helm('lint', '--strict', chart, ...valuesOf(mode));
    expect(said).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(said).not.toMatch(/\[(?:WARNING|ERROR)\]/);
  });

  it.each(every)('is valid by the schemas of Kubernetes: %s', (mode) => {
    for (const manifest of of(mode)) expect(() => validate(manifest)).not.toThrow();
  });

  it.each([
    [2_000, '790Mi'],
    [10_000, '3040Mi'],
  ])('limits memory to what %d sessions take, as docs/sizing.md says', async (sessions, memory) => {
    const limit = JSON.stringify({ limits: { connectionsMax: sessions } });
    const { template: pod } = find(await template('--set-json', `config=${limit}`), 'Deployment').spec as {
      readonly template: {
        readonly spec: { readonly containers: readonly [{ readonly resources: object }] };
      };
    };
    expect(pod.spec.containers[0].resources).toMatchObject({ limits: { memory } });
    const mebibytes = Number.parseInt(memory, 10).toLocaleString('en');
    expect(readFileSync(join(root, 'docs/sizing.md'), 'utf8')).toContain(`${mebibytes} MiB`);
    const given = await template('--set', 'resources.limits.memory=2Gi');
    expect(JSON.stringify(find(given, 'Deployment'))).toContain('"limits":{"memory":"2Gi"}');
  });

  it('has no field that Kubernetes does not know, whatever the values', async () => {
    expect(await compilerErrors([...rendered.values()].flat())).toEqual([]);
  }, 120_000);

  it.each([
    ['a value that is not there', 'replicaCounts=2', 'replicaCounts'],
    ['a value of a section', 'networkPolicy.colector.enabled=true', 'colector'],
    ['a mode', 'exposure=nodePort', 'exposure'],
    ['a number as a text', 'replicaCount=two', 'replicaCount'],
    ['a tag with a name in it', 'image.tag=narthex:1', 'tag'],
    ['the number of replicas in two places', 'config.replicas=2', 'replicas'],
  ])('refuses %s', async (_, value, named) => {
    await expect(template('--set', value)).rejects.toThrow(named);
  });

  it('refuses a Kubernetes whose pods cannot pause before they stop', async () => {
    await expect(template('--kube-version', '1.29.9')).rejects.toThrow('1.29.9');
    await expect(template('--kube-version', '1.30.0')).resolves.toBeDefined();
  });

  it.each(every)('puts everything into the namespace of the release, under one name each: %s', (mode) => {
    const names = of(mode).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of of(mode)) expect(metadata.namespace).toBe('narthex');
  });

  it.each(every)('selects its own pods, and not the one of the test: %s', (mode) => {
    const manifests = of(mode);
    const { labels } = deploymentOf(manifests).spec!.template.metadata!;
    const selectors = [
      deploymentOf(manifests).spec!.selector.matchLabels,
      ...manifests
        .filter(({ kind, metadata }) => kind === 'Service' && metadata.name !== 'narthex-store')
        .map((service) => (service as IService).spec!.selector),
      policyOf(manifests).podSelector!.matchLabels,
      ...podOf(manifests).topologySpreadConstraints!.map(({ labelSelector }) => labelSelector!.matchLabels),
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
    const test = find<IPod>(manifests, 'Pod').metadata!.labels!;
    expect(Object.entries(labels!).every(([key, value]) => test[key] === value)).toBe(false);
  });

  it.each(every)('has the ports, probes and pauses that narthex.yaml needs: %s', (mode) => {
    const manifests = of(mode);
    const pod = podOf(manifests);
    const [container] = pod.containers;
    const config = configOf(manifests);
    const ports = new Map(container!.ports!.map(({ name, containerPort }) => [name!, containerPort]));
    for (const { name, port } of config.listeners) expect(ports.get(name)).toBe(port);
    expect(ports.get('admin')).toBe(config.admin.port);
    const service = find<IService>(manifests, 'Service', deploymentOf(manifests).metadata!.name);
    for (const { targetPort } of service.spec!.ports!) expect(ports.has(String(targetPort))).toBe(true);
    expect(service.spec!.ports!.map(({ targetPort }) => targetPort)).not.toContain('admin');
    const { startupProbe, livenessProbe, readinessProbe, lifecycle } = container!;
    expect(
      [startupProbe, livenessProbe, readinessProbe].map((probe) => [
        probe!.httpGet!.path,
        probe!.httpGet!.port,
      ]),
    ).toEqual([
      ['/startupz', 'admin'],
      ['/livez', 'admin'],
      ['/readyz', 'admin'],
    ]);
    const pauseMs = lifecycle!.preStop!.sleep!.seconds * 1_000;
    expect(pauseMs).toBeGreaterThan(0);
    expect(pauseMs + config.timeouts.drainMs + 1_000).toBeLessThan(
      pod.terminationGracePeriodSeconds! * 1_000,
    );
  });

  it.each(every)('keeps to the restricted profile, as far as the exposure allows: %s', (mode) => {
    const allowed: Record<string, string[]> = {
      'host-network': ['hostNetwork is set'],
      'host-port': ['container narthex: takes a port of the host'],
    };
    expect(podSecurityViolations(podOf(of(mode)))).toEqual(allowed[mode] ?? []);
    expect(podSecurityViolations(find<IPod>(of(mode), 'Pod').spec!)).toEqual([]);
  });

  it('runs as the user of the image, from the image that is named', () => {
    const [, runtime] = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
    const user = runtime!.instructions.find(({ name }) => name === 'USER')!.text;
    const { securityContext, containers } = podOf(of('defaults'));
    expect(`${securityContext!.runAsUser}:${securityContext!.runAsGroup}`).toBe(user);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(containers[0]!.image).toBe(`narthex:${version}`);
    expect(podOf(of('single')).containers[0]!.image).toMatch(/^registry\.example\/narthex@sha256:0123/);
  });

  it('mounts whole folders, read-only', () => {
    for (const mode of every) {
      const mounts = podOf(of(mode)).containers[0]!.volumeMounts!;
      expect(mounts.filter(({ subPath, readOnly }) => subPath !== undefined || !readOnly)).toEqual([]);
    }
  });
});

describeWithPeers(['helm and kubectl'], 'files of the operator in the chart', () => {
  const volumes = (manifests: readonly Manifest[]): Map<string, string> =>
    new Map(
      podOf(manifests).volumes!.map(({ name, configMap, secret }) => [
        name,
        configMap?.name ?? secret!.secretName!,
      ]),
    );
  const change = async (key: string): Promise<[Manifest[], Manifest[]]> => [
    await template(...valuesOf('files')),
    await template(...valuesOf('files'), '--set-string', `files.${key}=# changed`),
  ];

  it.each(['policies.house\\.yaml', 'profiles.as-declared\\.yaml', 'contentKinds.content-kinds\\.yaml'])(
    'change without a restart: %s',
    async (key) => {
      const [before, after] = await change(key);
      expect(podOf(after)).toEqual(podOf(before));
      expect(after).not.toEqual(before);
    },
  );

  it.each(['catalogue.own\\.yaml', 'obligations.new\\.yaml'])(
    'start a rolling update where they need one: %s',
    async (key) => {
      const [before, after] = await change(key);
      const folder = key.split('.')[0]!;
      expect(volumes(after).get(folder)).not.toBe(volumes(before).get(folder));
    },
  );

  it('start a rolling update when there is one profile more', async () => {
    const annotations = (manifests: readonly Manifest[]) =>
      deploymentOf(manifests).spec!.template.metadata!.annotations;
    const [before, same] = await change('profiles.as-declared\\.yaml');
    const [, more] = await change('profiles.other\\.yaml');
    expect(annotations(same)).toEqual(annotations(before));
    expect(annotations(more)).not.toEqual(annotations(before));
  });

  it('start a rolling update when narthex.yaml changes', async () => {
    const before = await template();
    const after = await template('--set', 'config.limits.connectionsMax=20000');
    expect(volumes(after).get('config')).not.toBe(volumes(before).get('config'));
    expect(volumes(after).get('config')).toBe(configMapOf(after).metadata.name);
    expect(volumes(before).get('config')).toMatch(/^narthex-config-[0-9a-f]{10}$/);
  });
});

describe('docs/kubernetes.md', () => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  const has = (path: string): boolean => {
    let at: unknown = values;
    for (const step of path.split('.')) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return false;
      at = (at as Record<string, unknown>)[step];
    }
    return true;
  };

  it('names only values that there are', () => {
    const sections = Object.keys(values).join('|');
    const named = [...page.matchAll(new RegExp(`\`((?:${sections})(?:\\.[A-Za-z]+)+)\``, 'g'))]
      .map(([, path]) => path!)
      .filter((path) => path !== 'values.yaml' && path !== 'values.schema.json');
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((path) => !has(path))).toEqual([]);
  });

  it('explains each exposure and each overlay', () => {
    const rows = (heading: string): string[] => {
      const [, table = ''] =
        new RegExp(`^\\| ${heading} .*\n\\|[- |]+\n((?:\\|.*\n)+)`, 'm').exec(page) ?? [];
      return [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, word]) => word!);
    };
    const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as {
      properties: { exposure: { enum: string[] } };
    };
    expect(rows('value')).toEqual(schema.properties.exposure.enum);
    expect(rows('overlay')).toEqual(readdirSync(join(root, 'deploy/kustomize/overlays')).toSorted());
  });
});

describeWithPeers(['helm and kubectl'], 'replicas of the chart', () => {
  it('stand in narthex.yaml: with autoscaling, the most there can be', async () => {
    expect(configOf(await template()).replicas).toBe(2);
    expect(configOf(await template('--set', 'replicaCount=5')).replicas).toBe(5);
    expect(configOf(await template(...valuesOf('autoscaling'))).replicas).toBe(10);
    expect(configOf(await template(...valuesOf('single'))).replicas).toBe(1);
  });

  it('need a secret that they share', async () => {
    const alone = ['--set', 'config.policy.keyFiles=null'];
    await expect(template(...alone)).rejects.toThrow('config.policy.keyFiles');
    await expect(template(...alone, '--set', 'replicaCount=1')).resolves.toBeDefined();
  });

  it('follow the sessions, down slowly, and none is set with the autoscaler', async () => {
    const manifests = await template(...valuesOf('autoscaling'));
    expect(deploymentOf(manifests).spec!.replicas).toBeUndefined();
    const { metrics, behavior } = find<IHorizontalPodAutoscaler>(manifests, 'HorizontalPodAutoscaler').spec!;
    expect(metrics![0]!.pods!.metric.name).toBe('narthex_sessions');
    expect(behavior!.scaleDown).toEqual({
      stabilizationWindowSeconds: 1_800,
      policies: [{ type: 'Pods', value: 1, periodSeconds: 600 }],
    });
    const table = readFileSync(join(root, 'METRICS.md'), 'utf8');
    expect(table).toContain('| `narthex_sessions` ');
  });
});

describeWithPeers(['helm and kubectl'], 'traffic to and from the pods of the chart', () => {
  const portsOf = (rules: readonly { readonly ports?: readonly { readonly port?: number | string }[] }[]) =>
    rules.map(({ ports }) => ports!.map(({ port }) => port));

  it('is clients from anywhere and metrics for the monitoring namespace; names, gatekeepers and nothing else', async () => {
    const { ingress, egress, policyTypes } = policyOf(await template());
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    expect(portsOf(ingress!)).toEqual([['starttls', 'direct', 'https'], ['admin']]);
    expect(ingress!.map(({ from }) => from?.length)).toEqual([undefined, 1]);
    expect(portsOf(egress!)).toEqual([
      [53, 53],
      [5222, 5223, 443],
    ]);
    for (const { to } of egress!) expect(to!.length).toBeGreaterThan(0);
  });

  it('goes to a collector and to a store where they are named', async () => {
    expect(portsOf(policyOf(await template(...valuesOf('monitoring'))).egress!).at(-1)).toEqual([4318]);
    for (const mode of ['shared-state', 'own-store'])
      expect(portsOf(policyOf(await template(...valuesOf(mode))).egress!).at(-1)).toEqual([6379]);
  });

  it('comes from chosen clients only where they are named', async () => {
    const { ingress } = policyOf(await template(...valuesOf('autoscaling')));
    expect(ingress![0]!.from).toEqual([{ ipBlock: { cidr: '192.0.2.0/24' } }]);
  });

  it('reaches the pods by a load balancer that keeps addresses, and else inside the cluster', async () => {
    const service = async (mode: string): Promise<IService['spec']> =>
      find<IService>(await template(...valuesOf(mode)), 'Service', 'narthex').spec;
    expect(await service('load-balancer')).toMatchObject({
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
    });
    for (const mode of ['host-network', 'host-port'])
      expect(await service(mode)).not.toHaveProperty('externalTrafficPolicy');
  });
});

describeWithPeers(['helm and kubectl'], 'state that the pods of the chart share', () => {
  const stateOf = (manifests: readonly Manifest[]) =>
    (configOf(manifests) as { readonly state?: unknown }).state;
  const secretOf = (manifests: readonly Manifest[]) =>
    podOf(manifests).volumes!.find(({ name }) => name === 'state')?.secret;

  it('is off by default', async () => {
    const manifests = await template();
    expect([stateOf(manifests), secretOf(manifests)]).toEqual([undefined, undefined]);
    expect(manifests.some(({ kind }) => kind === 'StatefulSet')).toBe(false);
  });

  it('is in the store that is named, with the secret in the place of its files', async () => {
    const manifests = await template(...valuesOf('shared-state'));
    expect(stateOf(manifests)).toEqual({
      keyFiles: ['/etc/narthex/state/current'],
      onStoreLost: 'refuse',
      redis: {
        url: 'rediss://valkey.example.svc:6379',
        username: 'narthex',
        passwordFile: '/etc/narthex/state/password',
        caFile: '/etc/narthex/state/ca.crt',
      },
    });
    expect(secretOf(manifests)).toEqual({ secretName: 'narthex-state', defaultMode: 0o440 });
    expect(manifests.some(({ kind }) => kind === 'StatefulSet')).toBe(false);
  });

  it('is in a server of the chart, which only the pods reach, in TLS, and which keeps nothing', async () => {
    const manifests = await template(...valuesOf('own-store'));
    expect(stateOf(manifests)).toMatchObject({
      keyFiles: ['/etc/narthex/state/current', '/etc/narthex/state/former'],
      redis: { url: 'rediss://narthex-store.narthex.svc:6379' },
    });
    const { template: pods, selector, replicas } = find<IStatefulSet>(manifests, 'StatefulSet').spec!;
    expect(replicas).toBe(1);
    const labels = pods.metadata!.labels!;
    expect(selector.matchLabels).toEqual(labels);
    expect(find<IService>(manifests, 'Service', 'narthex-store').spec!.selector).toEqual(labels);
    expect(policyOf(manifests).egress!.at(-1)!.to).toEqual([{ podSelector: { matchLabels: labels } }]);
    const policy = find<INetworkPolicy>(manifests, 'NetworkPolicy', 'narthex-store').spec!;
    expect(policy.podSelector!.matchLabels).toEqual(labels);
    expect(policy.egress).toBeUndefined();
    expect(policy.ingress!.map(({ from }) => from)).toEqual([
      [{ podSelector: { matchLabels: deploymentOf(manifests).spec!.selector.matchLabels } }],
    ]);
    expect(podSecurityViolations(pods.spec!)).toEqual([]);
    expect(pods.spec!.volumes!.every(({ secret }) => secret?.defaultMode === 0o440)).toBe(true);
  });

  it('has one place, and an address', async () => {
    await expect(template('--set', 'config.state.onStoreLost=refuse')).rejects.toThrow('state');
    await expect(template('--set', 'state.enabled=true')).rejects.toThrow('state.url');
    await expect(template('--set', 'state.url=rediss://user:password@valkey')).rejects.toThrow('url');
  });
});

describeWithPeers(['helm and kubectl', 'redis'], 'the server of the chart', () => {
  it('starts with the flags of its pod, and serves a user of its secret in TLS', async () => {
    const { template: pods } = find<IStatefulSet>(
      await template(...valuesOf('own-store')),
      'StatefulSet',
    ).spec!;
    const [container] = pods.spec!.containers;
    await using folder = await temporaryFolder();
    const authority = createDevelopmentAuthority();
    const { certificate, key } = authority.issue(['localhost']);
    await folder.write('tls.crt', certificate);
    await folder.write('tls.key', key);
    await folder.write(
      'users.acl',
      'user default off\nuser narthex on >secret ~narthex:* -@all +get +set +del +ping +select\n',
    );
    const port = await freePort();
    const args = container!.args!.map((word, index, all) => {
      if (all[index - 1] === '--tls-port') return String(port);
      return word === '/tmp' ? folder.path : word.replace('/etc/store', folder.path);
    });
    const server = startProcess({
      program: programs.redisServer,
      args,
      folder: folder.path,
      log: `${folder.path}/log`,
    });
    try {
      await retried(20_000, async () => {
        const connection = await connectRedis(
          {
            host: 'localhost',
            port,
            database: 0,
            secureContext: () => createSecureContext({ ca: authority.certificate }),
            username: 'narthex',
            password: () => 'secret',
            connectTimeoutMs: 2_000,
            commandsMax: 10,
          },
          new AbortController().signal,
        );
        await connection.set('narthex:a', Buffer.from('x'), 60_000);
        expect(await connection.get('narthex:a')).toEqual(Buffer.from('x'));
        await expect(connection.get('other')).rejects.toThrow('NOPERM');
        connection.close();
      });
    } finally {
      await server.stop();
    }
  });
});

describeWithPeers(['helm and kubectl'], 'narthex.yaml of the chart', () => {
  it.each(['defaults', ...modes])('is accepted by narthex check: %s', async (mode) => {
    await using folder = await temporaryFolder();
    const manifests = await template(...(mode === 'defaults' ? [] : valuesOf(mode)));
    await mount(manifests, folder.path, (name, text) => folder.write(name, text));
    const { exit, stdout, stderr } = await narthex(['check', join(folder.path, 'config/narthex.yaml')]);
    expect(`${stdout}${stderr}`).not.toMatch(/\berror\b/);
    expect(exit).toBe(0);
  });
});

/** Writes what a pod would find below /etc/narthex: ConfigMaps as they are, secrets made here. */
async function mount(
  manifests: readonly Manifest[],
  folder: string,
  write: (name: string, text: string) => Promise<string>,
): Promise<void> {
  const { certificate, key } = createDevelopmentAuthority().issue(['chat.example', 'proxy.chat.example']);
  const { generateKeyPairSync } = await import('node:crypto');
  const signing = generateKeyPairSync('ed25519')
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
  const secrets: Record<string, Record<string, string>> = {
    tls: { 'tls.crt': certificate, 'tls.key': key },
    'keys-pseudonyms': { current: 'p'.repeat(32) },
    'keys-media': { current: 'm'.repeat(32) },
    state: { current: 's'.repeat(32), former: 'f'.repeat(32), password: 'secret\n', 'ca.crt': certificate },
    'keys-signals': { 'spring.pem': signing },
  };
  const { volumes, containers } = podOf(manifests);
  for (const { name, mountPath } of containers[0]!.volumeMounts!) {
    const volume = volumes!.find((each) => each.name === name)!;
    const files =
      volume.configMap === undefined
        ? secrets[name]!
        : find<{ data: Record<string, string> }>(manifests, 'ConfigMap', volume.configMap.name!).data;
    for (const [file, text] of Object.entries(files))
      await write(
        join(mountPath.replace('/etc/narthex/', ''), file),
        text.replaceAll('/etc/narthex', folder),
      );
  }
}

describeWithPeers(['helm and kubectl'], 'helm test of the chart', () => {
  it('is a hook, kept out of an installation', async () => {
    const pod = find<IPod>(await template(), 'Pod');
    expect(pod.metadata!.annotations).toMatchObject({ 'helm.sh/hook': 'test' });
    expect(pod.spec!.containers[0]!.image).toBe(podOf(await template()).containers[0]!.image);
    expect(await templateText('--show-only', 'templates/tests/connection.yaml')).toContain('kind: Pod');
  });

  it('connects to each listener, and fails where there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'narthex-helm-test-'));
    const { certificate, key } = createDevelopmentAuthority().issue(['chat.example']);
    const proxy = await startTestProxy({
      domain: 'chat.example',
      gatekeeper: { port: 9, tls: 'direct' },
      certificate,
      key,
      ca: certificate,
    });
    try {
      const [script, ...rest] = find<IPod>(await template(), 'Pod').spec!.containers[0]!.args!;
      expect(rest).toEqual(['narthex', 'chat.example', 'starttls:5222', 'direct:5223']);
      await writeFile(join(folder, 'test.cjs'), script!);
      const against = (...listeners: string[]) =>
        ended(['-e', script!, '127.0.0.1', 'chat.example', ...listeners]);
      const good = await against(`starttls:${proxy.starttls}`, `direct:${proxy.direct}`);
      expect(good).toEqual({
        exit: 0,
        stdout: `TLSv1.3 at port ${proxy.starttls}\nTLSv1.3 at port ${proxy.direct}\n`,
      });
      expect((await against('direct:1')).exit).toBe(1);
      expect((await against(`direct:${proxy.starttls}`)).exit).toBe(1);
    } finally {
      await proxy.close();
      await rm(folder, { recursive: true });
    }
  });
});

function ended(args: readonly string[]): Promise<{ exit: number | null; stdout: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, stdout })));
}
