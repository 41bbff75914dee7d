/**
 * The "restricted" profile of the Kubernetes Pod Security Standards, and what Narthex asks beyond it: a read-only root,
 * no service-account token, no default for anything that has one.
 */
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';

const volumeKinds = ['configMap', 'secret', 'emptyDir', 'projected', 'csi', 'persistentVolumeClaim'];

/** Every rule that the pod breaks, in words; empty if none. */
export function podSecurityViolations(pod: IPodSpec): string[] {
  const violations = [
    ...sharedNamespaces(pod),
    ...identity(pod),
    ...(pod.volumes ?? []).flatMap((volume) =>
      Object.keys(volume).some((key) => key !== 'name' && !volumeKinds.includes(key))
        ? [`volume ${volume.name} is of a kind that is not allowed`]
        : [],
    ),
  ];
  const containers = [...pod.containers, ...(pod.initContainers ?? [])];
  return [...violations, ...containers.flatMap(containerViolations)];
}

function sharedNamespaces(pod: IPodSpec): string[] {
  return (['hostNetwork', 'hostPID', 'hostIPC'] as const)
    .filter((field) => pod[field] === true)
    .map((field) => `${field} is set`);
}

function identity({ securityContext, automountServiceAccountToken }: IPodSpec): string[] {
  return [
    ...unless(securityContext?.runAsNonRoot === true, 'runAsNonRoot is not true'),
    ...unless((securityContext?.runAsUser ?? 0) > 0, 'runAsUser is not a number above 0'),
    ...unless(
      securityContext?.seccompProfile?.type === 'RuntimeDefault',
      'seccompProfile is not RuntimeDefault',
    ),
    ...unless((securityContext?.sysctls ?? []).length === 0, 'sysctls are set'),
    ...unless(automountServiceAccountToken === false, 'a service-account token is mounted'),
  ];
}

function containerViolations(container: IPodSpec['containers'][number]): string[] {
  const { securityContext } = container;
  const hostPorts = (container.ports ?? []).some(({ hostPort }) => hostPort !== undefined);
  return [
    ...unless(securityContext?.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation is not false'),
    ...unless(securityContext?.privileged !== true, 'is privileged'),
    ...unless(securityContext?.readOnlyRootFilesystem === true, 'readOnlyRootFilesystem is not true'),
    ...unless(
      securityContext?.capabilities?.drop?.includes('ALL') === true,
      'does not drop ALL capabilities',
    ),
    ...unless((securityContext?.capabilities?.add ?? []).length === 0, 'adds capabilities'),
    ...unless(securityContext?.runAsNonRoot !== false, 'sets runAsNonRoot to false'),
    ...unless(securityContext?.runAsUser !== 0, 'runs as root'),
    ...unless(!hostPorts, 'takes a port of the host'),
  ].map((violation) => `container ${container.name}: ${violation}`);
}

function unless(condition: boolean, violation: string): string[] {
  return condition ? [] : [violation];
}
