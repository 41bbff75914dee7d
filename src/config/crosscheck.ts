/** What one value cannot tell: names that refer to each other, ports that clash, limits that contradict. Pure. */
import { domainToASCII } from 'node:url';
import type { Places } from '../documents/yaml.ts';
import { nearest } from '../documents/nearest.ts';
import { type ConfigErrorCode, configErrors } from '../errors/config.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import { crossCheckProtocols } from './crosscheck-protocol.ts';
import { crossCheckShapes } from './crosscheck-shapes.ts';
import { policySections } from './scopes.ts';
import type { Config, ListenerConfig } from './schema.ts';
import { storeAddress } from './sections/state.ts';

/** Returns every contradiction, in no particular order. */
export function crossCheck(config: Config, places: Places): ConfigProblem[] {
  const report: Report = (code, path, message, remedy = configErrors[code].remedy) => ({
    severity: 'error',
    code,
    path: formatPath(path),
    place: places.place(path),
    message,
    remedy,
  });
  return [
    ...duplicates(config, report),
    ...unknownGatekeepers(config, report),
    ...portClashes(config, report),
    ...halfPairs(config, report),
    ...contradictingLimits(config, report),
    ...longSpread(config, report),
    ...missingParts(config, report),
    ...crossCheckProtocols(config, report),
    ...crossCheckShapes(config, report),
    ...incompleteReferences(config, report),
    ...impossibleAttestations(config, report),
    ...repeatedFieldTypes(config, report),
    ...ephemeralKeys(config, report),
    ...unprotectedState(config, report),
  ];
}

type Report = (code: ConfigErrorCode, path: ConfigPath, message: string, remedy?: string) => ConfigProblem;

function duplicates(config: Config, report: Report): ConfigProblem[] {
  return [
    ...repeated(
      config.listeners.map(({ name }) => name),
      (index, name, first) =>
        report(
          'ERR_CONFIG_DUPLICATE',
          ['listeners', index, 'name'],
          `listener \`${name}\` is already \`listeners[${first}]\``,
        ),
    ),
    ...webSocketName(config, report),
    ...repeated(
      config.gatekeepers.map(({ name }) => name),
      (index, name, first) =>
        report(
          'ERR_CONFIG_DUPLICATE',
          ['gatekeepers', index, 'name'],
          `gatekeeper \`${name}\` is already \`gatekeepers[${first}]\``,
        ),
    ),
    // xn--… and its Unicode form are the same domain.
    ...repeated(
      config.domains.map(({ domain }) => domainToASCII(domain)),
      (index, name, first) =>
        report(
          'ERR_CONFIG_DUPLICATE',
          ['domains', index, 'domain'],
          `domain \`${name}\` is already served by \`domains[${first}]\``,
        ),
    ),
  ];
}

/** Returns a problem when the WebSocket endpoint, which counts as a listener, has the name of another. */
function webSocketName({ listeners, http }: Config, report: Report): ConfigProblem[] {
  const name = http?.websocket?.name;
  const first = listeners.findIndex((listener) => listener.name === name);
  if (name === undefined || first === -1) return [];
  const message = `\`${name}\` is the name of \`listeners[${first}]\``;
  return [report('ERR_CONFIG_DUPLICATE', ['http', 'websocket', 'name'], message)];
}

function repeated(
  names: readonly string[],
  tell: (index: number, name: string, first: number) => ConfigProblem,
): ConfigProblem[] {
  const firsts = new Map<string, number>();
  return names.flatMap((name, index) => {
    const first = firsts.get(name);
    if (first === undefined) firsts.set(name, index);
    return first === undefined ? [] : [tell(index, name, first)];
  });
}

function unknownGatekeepers(config: Config, report: Report): ConfigProblem[] {
  const names = config.gatekeepers.map(({ name }) => name);
  return config.domains.flatMap(({ gatekeeper }, index) => {
    if (names.includes(gatekeeper)) return [];
    const meant = nearest(gatekeeper, names);
    const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`;
    const message = `there is no gatekeeper \`${gatekeeper}\`${hint}`;
    return [
      report(
        'ERR_CONFIG_REFERENCE',
        ['domains', index, 'gatekeeper'],
        message,
        `Gatekeepers defined: ${names.join(', ')}.`,
      ),
    ];
  });
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly path: ConfigPath;
  readonly title: string;
}

function portClashes(config: Config, report: Report): ConfigProblem[] {
  const endpoints: Endpoint[] = config.listeners.map(({ host, port, name }, index) => {
    return { host, port, path: ['listeners', index, 'port'], title: `listener \`${name}\`` };
  });
  endpoints.push({ ...config.admin, path: ['admin', 'port'], title: 'the admin port' });
  if (config.http !== undefined)
    endpoints.push({ ...config.http, path: ['http', 'port'], title: 'the public HTTP port' });
  return endpoints.flatMap((later, index) => {
    const earlier = endpoints.slice(0, index).find((other) => clash(other, later));
    if (earlier === undefined) return [];
    return [
      report('ERR_CONFIG_PORT_CLASH', later.path, `port ${later.port} is already taken by ${earlier.title}`),
    ];
  });
}

function clash(a: Endpoint, b: Endpoint): boolean {
  if (a.port === 0 || a.port !== b.port) return false;
  // `::` takes the IPv4 addresses of the machine too.
  if (a.host === b.host || a.host === '::' || b.host === '::') return true;
  return (a.host === '0.0.0.0' && !b.host.includes(':')) || (b.host === '0.0.0.0' && !a.host.includes(':'));
}

function halfPairs(config: Config, report: Report): ConfigProblem[] {
  const holders: { readonly path: ConfigPath; readonly holder: ClientPair }[] = [
    ...config.gatekeepers.map((holder, index) => ({ path: ['gatekeepers', index], holder })),
    ...(config.provider === undefined ? [] : [{ path: ['provider'], holder: config.provider }]),
    ...(config.state === undefined ? [] : [{ path: ['state', 'redis'], holder: config.state.redis }]),
  ];
  return holders.flatMap(({ path, holder: { clientCertFile, clientKeyFile } }) => {
    if ((clientCertFile === undefined) === (clientKeyFile === undefined)) return [];
    const lacking = clientCertFile === undefined ? 'clientCertFile' : 'clientKeyFile';
    const message = `\`${lacking}\` is missing in \`${formatPath(path)}\`: a client certificate is a pair of files`;
    return [report('ERR_CONFIG_MISSING', path, message)];
  });
}

interface ClientPair {
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
}

/** Parts that do nothing without another. */
function missingParts({ http, provider, gatekeepers, regions }: Config, report: Report): ConfigProblem[] {
  const lacks = (path: ConfigPath, what: string): ConfigProblem =>
    report('ERR_CONFIG_MISSING', path, `\`${formatPath(path)}\` needs ${what}, which is missing`);
  return gatekeepers.flatMap(({ protocol, enlistment, push, media, channelBinding }, index) => {
    const found: ConfigProblem[] = [];
    if (protocol === 'xmpp' && channelBinding === 'reauthenticate' && provider === undefined)
      found.push(
        report(
          'ERR_CONFIG_MISSING',
          ['gatekeepers', index, 'channelBinding'],
          '`channelBinding: reauthenticate` verifies ownership tokens, and there is no section `provider` that says whose',
          'Add the section `provider`, or choose another `channelBinding`.',
        ),
      );
    const at = (part: string): ConfigPath => ['gatekeepers', index, part];
    for (const [part, value] of Object.entries({ enlistment, push, media }))
      if (value !== undefined && http === undefined) found.push(lacks(at(part), 'a section `http`'));
    if (enlistment !== undefined && provider === undefined)
      found.push(lacks(at('enlistment'), 'a section `provider`'));
    if (enlistment?.regions !== undefined && regions === undefined)
      found.push(lacks([...at('enlistment'), 'regions'], 'a section `regions`'));
    if (push !== undefined && provider?.push === undefined)
      found.push(lacks(at('push'), 'a section `provider.push`'));
    if (media !== undefined && provider?.media === undefined)
      found.push(lacks(at('media'), 'a section `provider.media`'));
    return found;
  });
}

/** References that could be asked for by any caller, or fetched by none, or forgotten while messages wait. */
function incompleteReferences({ http, provider, gatekeepers }: Config, report: Report): ConfigProblem[] {
  const media = provider?.media;
  if (media?.references === undefined) return [];
  const { certFile, bearerTokenFiles } = media.references;
  const path = ['provider', 'media', 'references'];
  const lacks = (what: string, remedy: string): ConfigProblem =>
    report('ERR_CONFIG_MISSING', path, `\`${formatPath(path)}\` needs ${what}`, remedy);
  return [
    ...(http === undefined ? [lacks('a section `http`, which is missing', 'Add the section `http`.')] : []),
    ...(certFile === undefined && bearerTokenFiles === undefined
      ? [
          lacks(
            '`certFile` or `bearerTokenFiles`: any caller could ask for references without',
            'Pin the client certificate of the provider, or give it a token made by `openssl rand -hex 32`.',
          ),
        ]
      : []),
    ...(media.keyFiles.length === 0
      ? [
          lacks(
            '`provider.media.keyFiles`: a generated secret ends with the process, references are in messages that wait',
            'Make a secret with `openssl rand 32`, and name it in `provider.media.keyFiles`.',
          ),
        ]
      : []),
    ...(gatekeepers.every((gatekeeper) => gatekeeper.media === undefined)
      ? [
          lacks(
            'a gatekeeper with a section `media`: none could fetch by reference',
            'Add `gatekeepers[].media`, which says how its media proxy is recognised.',
          ),
        ]
      : []),
  ];
}

function contradictingLimits(config: Config, report: Report): ConfigProblem[] {
  return [...contradictionsAtTheTop(config, report), ...contradictionsOfGatekeepers(config, report)];
}

/** Returns a problem for each limit of stanzas of a gatekeeper that is below that of tags, or below the one before
 *  authentication, which holds first. */
function contradictionsOfGatekeepers({ limits, gatekeepers }: Config, report: Report): ConfigProblem[] {
  return gatekeepers.flatMap(({ limits: own = {} }, index) => {
    const stanza = own.stanzaBytesMax ?? limits.stanzaBytesMax;
    const path = ['gatekeepers', index, 'limits'];
    const within = [
      { key: 'limits.preAuthStanzaBytesMax', value: limits.preAuthStanzaBytesMax },
      { key: `${formatPath(path)}.tagBytesMax`, value: own.tagBytesMax ?? limits.tagBytesMax },
    ];
    if (Object.keys(own).length === 0) return [];
    return within
      .filter(({ value }) => value > stanza)
      .map(({ key, value }) =>
        report(
          'ERR_CONFIG_VALUE',
          [...path, 'stanzaBytesMax'],
          `\`${formatPath(path)}.stanzaBytesMax\` (${stanza}) must not be less than \`${key}\` (${value})`,
        ),
      );
  });
}

function contradictionsAtTheTop({ limits }: Config, report: Report): ConfigProblem[] {
  const within = (['preAuthStanzaBytesMax', 'tagBytesMax'] as const).filter(
    (key) => limits[key] > limits.stanzaBytesMax,
  );
  return within.map((key) =>
    report(
      'ERR_CONFIG_VALUE',
      ['limits', key],
      `\`limits.${key}\` (${limits[key]}) must not be more than \`limits.stanzaBytesMax\` (${limits.stanzaBytesMax})`,
    ),
  );
}

/** Sessions that would end after the time for draining end all at once at its end. */
function longSpread({ timeouts: { drainMs, drainSpreadMs = 0 } }: Config, report: Report): ConfigProblem[] {
  if (drainSpreadMs <= drainMs) return [];
  const what = `\`timeouts.drainSpreadMs\` (${drainSpreadMs}) must not be more than \`timeouts.drainMs\` (${drainMs})`;
  return [report('ERR_CONFIG_VALUE', ['timeouts', 'drainSpreadMs'], what)];
}

function impossibleAttestations({ gatekeepers, signals }: Config, report: Report): ConfigProblem[] {
  return gatekeepers.flatMap(({ protocol, attestation, clientCertFile }, index) => {
    if (attestation === undefined) return [];
    const path = ['gatekeepers', index, 'attestation'];
    const unsigned = '`signals` is missing: attestations need an issuer and keys to sign with';
    const unbound =
      '`clientCertFile` is missing: an attestation in a PROXY header is bound to the client certificate';
    const profile = attestation.carriers.proxyProtocol?.profile ?? 'none';
    return [
      ...(signals === undefined ? [report('ERR_CONFIG_MISSING', path, unsigned)] : []),
      ...(protocol === 'xmpp' && profile !== 'none' && clientCertFile === undefined
        ? [report('ERR_CONFIG_MISSING', [...path, 'carriers', 'proxyProtocol'], unbound)]
        : []),
    ];
  });
}

/** Warns of keys that each process generates for itself where several replicas need the same. */
function ephemeralKeys(config: Config, report: Report): ConfigProblem[] {
  const { replicas, policy, provider } = config;
  if (replicas === 1) return [];
  const shares = policySections(config).some(({ section: { share = [] } }) => share.length > 0);
  const lacks = (path: ConfigPath, what: string, key = 'keyFiles'): ConfigProblem =>
    report(
      'ERR_CONFIG_EPHEMERAL_KEY',
      path,
      `${replicas} replicas would ${what}, each with a key of its own: \`${formatPath([...path, key])}\` is empty`,
    );
  return [
    ...(policy.keyFiles.length === 0 ? [lacks(['policy'], 'make pseudonyms')] : []),
    ...(shares && policy.shareKeyFile === undefined
      ? [lacks(['policy'], 'give accounts to shares', 'shareKeyFile')]
      : []),
    ...(provider?.media?.keyFiles.length === 0
      ? [lacks(['provider', 'media'], 'seal addresses of media')]
      : []),
  ];
}

/** Returns problems of the way to the store: clear text over a network, and settings without their counterpart. */
function unprotectedState({ state }: Config, report: Report): ConfigProblem[] {
  if (state === undefined) return [];
  const { url, clearText, caFile, clientCertFile, username, passwordFile } = state.redis;
  const { isEncrypted, isLocal } = storeAddress(url);
  const found: ConfigProblem[] = [];
  if (!isEncrypted && !isLocal && !clearText)
    found.push(
      report(
        'ERR_CONFIG_STATE_CLEAR_TEXT',
        ['state', 'redis', 'url'],
        '`state.redis.url` is not encrypted, and its server is not on this machine',
      ),
    );
  const unused = Object.entries({ caFile, clientCertFile }).find(([, value]) => value !== undefined);
  if (!isEncrypted && unused !== undefined)
    found.push(
      report(
        'ERR_CONFIG_VALUE',
        ['state', 'redis', unused[0]],
        `\`state.redis.${unused[0]}\` is for TLS, and \`state.redis.url\` begins with \`redis:\``,
        'Write `rediss:` in `state.redis.url`, or remove the key.',
      ),
    );
  if (username !== undefined && passwordFile === undefined)
    found.push(
      report(
        'ERR_CONFIG_MISSING',
        ['state', 'redis', 'username'],
        '`state.redis.username` needs `passwordFile`, which is missing',
      ),
    );
  return found;
}

/** Returns problems of fields of a PROXY header that have two meanings. */
function repeatedFieldTypes({ listeners, http }: Config, report: Report): ConfigProblem[] {
  const ports: [ConfigPath, ListenerConfig['proxyProtocol']][] = listeners.map(({ proxyProtocol }, index) => [
    ['listeners', index, 'proxyProtocol'],
    proxyProtocol,
  ]);
  if (http !== undefined) ports.push([['http', 'proxyProtocol'], http.proxyProtocol]);
  return ports.flatMap(([at, balancers]) => {
    if (balancers === undefined) return [];
    const { ja4Type, p0fType, authentication } = balancers;
    const types: [string, number][] = [
      ['ja4Type', ja4Type],
      ['p0fType', p0fType],
      ...(authentication === undefined
        ? []
        : [['authentication.hmacType', authentication.hmacType] satisfies [string, number]]),
    ];
    return repeated(
      types.map(([, type]) => String(type)),
      (index, type, first) =>
        report(
          'ERR_CONFIG_DUPLICATE',
          [...at, ...types[index]![0].split('.')],
          `\`${types[index]![0]}\` (${type}) is already \`${types[first]![0]}\``,
          'Give each field a type of its own.',
        ),
    );
  });
}
