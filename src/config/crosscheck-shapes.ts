/** What of enlistment and push belongs to one protocol only: the shapes of requests come with `protocol`, as a set. Pure. */
import type { ConfigErrorCode } from '../errors/config.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import type { Config, GatekeeperConfig } from './schema.ts';

type Report = (code: ConfigErrorCode, path: ConfigPath, message: string, remedy?: string) => ConfigProblem;

/** Returns what is missing in the sections `push`, and what goes with the other protocol. */
export function crossCheckShapes({ gatekeepers }: Config, report: Report): ConfigProblem[] {
  const issuers = new Map<string, number>();
  return gatekeepers.flatMap((gatekeeper, index) => {
    const path: ConfigPath = ['gatekeepers', index];
    const found = [...foreignKeys(gatekeeper, path, report), ...keysOfCaller(gatekeeper, path, report)];
    const { protocol, push } = gatekeeper;
    if (protocol !== 'chat-channel' || push?.issuer === undefined) return found;
    const first = issuers.get(push.issuer);
    if (first === undefined) {
      issuers.set(push.issuer, index);
      return found;
    }
    const what = `\`${formatPath([...path, 'push', 'issuer'])}\` is already that of \`gatekeepers[${first}]\``;
    const remedy =
      'Give each its own: notifications of the chat channel come to one address, and the issuer says whose they are.';
    return [...found, report('ERR_CONFIG_DUPLICATE', [...path, 'push', 'issuer'], what, remedy)];
  });
}

/** Keys of the other protocol's shapes. */
function foreignKeys(
  { protocol, enlistment, push }: GatekeeperConfig,
  path: ConfigPath,
  report: Report,
): ConfigProblem[] {
  const isChat = protocol === 'chat-channel';
  const onlyRs256 = push?.algorithms === undefined || push.algorithms.join() === 'RS256';
  const keys: readonly [belongsElsewhere: boolean, at: ConfigPath][] = [
    [isChat && (enlistment?.answerMembers.length ?? 0) > 0, ['enlistment', 'answerMembers']],
    [isChat && !onlyRs256, ['push', 'algorithms']],
    [!isChat && enlistment?.versionField !== undefined, ['enlistment', 'versionField']],
    [!isChat && push?.audience !== undefined, ['push', 'audience']],
    [!isChat && push?.lifetimeMs !== undefined, ['push', 'lifetimeMs']],
    [!isChat && push?.tokenUse !== undefined, ['push', 'tokenUse']],
  ];
  return keys
    .filter(([belongsElsewhere]) => belongsElsewhere)
    .map(([, at]) => {
      const where = [...path, ...at];
      const message = `\`${formatPath(where)}\` does not go with \`protocol: ${protocol}\``;
      const remedy = 'Remove the key: requests have the shapes of the protocol, described in docs/http.md.';
      return report('ERR_CONFIG_VALUE', where, message, remedy);
    });
}

/** Returns what a caller's section lacks to authenticate it. */
function keysOfCaller(
  { protocol, push }: GatekeeperConfig,
  path: ConfigPath,
  report: Report,
): ConfigProblem[] {
  if (push === undefined) return [];
  const at: ConfigPath = [...path, 'push'];
  const lacks = (what: string): ConfigProblem =>
    report('ERR_CONFIG_MISSING', at, `\`${formatPath(at)}\` needs ${what} which is missing`);
  const { certFile, issuer, jwksUri, jwksFile } = push;
  const hasKeys = jwksUri !== undefined || jwksFile !== undefined;
  const found: ConfigProblem[] = [];
  if (jwksUri !== undefined && jwksFile !== undefined) {
    const message = `\`${formatPath([...at, 'jwksFile'])}\` and \`jwksUri\` are two sources of the same keys`;
    found.push(report('ERR_CONFIG_VALUE', [...at, 'jwksFile'], message, 'Remove one of the two.'));
  }
  if ((issuer === undefined) !== !hasKeys)
    found.push(lacks('`issuer` with `jwksUri` or `jwksFile`, one of,'));
  const hasToken = issuer !== undefined || hasKeys;
  if (!hasToken && protocol === 'chat-channel') found.push(lacks('`issuer` with `jwksUri` or `jwksFile`,'));
  else if (!hasToken && certFile === undefined)
    found.push(lacks('`certFile`, or `issuer` with `jwksUri` or `jwksFile`,'));
  return found;
}
