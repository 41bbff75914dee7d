import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem, problemsMax } from '../../src/config/problem.ts';
import { defaultLimits, preAuthenticationLimits } from '../../src/stream/limits.ts';
import { publicHttp } from '../../src/config/sections/http.ts';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { folderWith, minimal } from './folder.ts';

const pair = { 'tls.crt': 'x', 'tls.key': 'x' };

async function load(
  text: string | Uint8Array,
  environment: Record<string, string> = {},
): Promise<LoadedConfig> {
  const folder = await folderWith({ ...pair, 'narthex.yaml': text });
  return loadConfig({ folder, environment });
}

async function refusal(loading: Promise<unknown>): Promise<ConfigError> {
  return loading.then(
    () => expect.fail('the configuration was accepted'),
    (error: unknown) => {
      if (error instanceof ConfigError) return error;
      throw error;
    },
  );
}

/** The problems of a text as printed, one per line. */
async function problems(text: string | Uint8Array): Promise<string[]> {
  return (await refusal(load(text))).problems.map(formatProblem);
}

const edited = (from: string, to: string): string => {
  expect(minimal).toContain(from);
  return minimal.replace(from, to);
};

const onPort = (port: number): string => edited('port: 5222', `port: ${port}`);

/** With a second listener. */
const listener = (name: string, host: string, port: number): string =>
  minimal.replace(
    'certificates:',
    `  - { name: ${name}, host: '${host}', port: ${port}, tls: direct }\ncertificates:`,
  );

describe('a complete configuration', () => {
  it('gets its defaults', async () => {
    const { config } = await load(minimal);
    expect(config.listeners[0]).toEqual({ name: 'clients', host: '::', port: 5222, tls: 'starttls' });
    expect(config.gatekeepers[0]).toMatchObject({
      channelBinding: 'gatekeeper-without-plus',
    });
    expect(config.admin).toEqual({
      host: '127.0.0.1',
      port: 9090,
      names: [],
      addresses: [],
      exposureRowsMax: 5_000,
    });
    expect(config.timeouts).toMatchObject({
      handshakeMs: 10_000,
      preAuthMs: 30_000,
      dialMs: 10_000,
      writeStallMs: 60_000,
    });
    expect(config.timeouts).toMatchObject({ idleMs: 0 });
    expect(config.log.level).toBe('info');
    expect(config.tracing).toEqual({ sampleRatio: 1, resource: {} });
  });

  it('has the limits of the scanner by default', async () => {
    const { limits } = (await load(minimal)).config;
    expect(limits).toMatchObject(defaultLimits);
    expect(limits.preAuthStanzaBytesMax).toBe(preAuthenticationLimits.stanzaBytesMax);
  });

  it('has the limits of the HTTP plane by default', () => {
    const { limits } = publicHttp.parse({ publicUrl: 'https://proxy.example' });
    const { connectionsPerAddressMax, ...shared } = limits;
    const { pushRetryAfterS, ...defaults } = defaultHttpLimits;
    expect(shared).toEqual(defaults);
    expect([connectionsPerAddressMax, pushRetryAfterS]).toEqual([256, 5]);
  });

  it('starts relative paths at the folder of the file', async () => {
    const folder = await folderWith({ 'narthex.yaml': edited('tls.crt', '../conf/tls.crt') });
    const error = await refusal(
      loadConfig({ folder: '/', file: join(folder, 'narthex.yaml'), environment: {} }),
    );
    expect(error.message).toContain(join(folder, 'tls.key'));
    expect(error.message).toContain(join(folder, '../conf/tls.crt'));
  });

  it('is found by argument, then NARTHEX_CONFIG, then in the folder', async () => {
    const folder = await folderWith({
      ...pair,
      'narthex.yaml': onPort(1),
      'env.yaml': onPort(2),
      'arg.yaml': onPort(3),
    });
    const port = async (options: object): Promise<number> =>
      (await loadConfig({ folder, environment: {}, ...options })).config.listeners[0]!.port;
    expect(await port({})).toBe(1);
    expect(await port({ environment: { NARTHEX_CONFIG: 'env.yaml' } })).toBe(2);
    expect(await port({ environment: { NARTHEX_CONFIG: 'env.yaml' }, file: 'arg.yaml' })).toBe(3);
  });

  it('may use anchors', async () => {
    const text = edited('starttls\ncert', '&mode starttls\ncert').replace(
      '      tls: starttls',
      '      tls: *mode',
    );
    expect((await load(text)).config.gatekeepers[0]!.connect).toMatchObject({ tls: 'starttls' });
  });

  it('may name the gatekeeper by SRV', async () => {
    const text = edited('address: xmpp.internal:5222\n      tls: starttls', 'srv: xmpp.internal');
    expect((await load(text)).config.gatekeepers[0]!.connect).toEqual({ srv: 'xmpp.internal' });
  });
});

describe('the environment', () => {
  it('names the collector when the file does not', async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect((await load(minimal, environment)).config.tracing.otlpEndpoint).toBe('http://collector:4318');
    const text = `${minimal}tracing: { otlpEndpoint: 'https://file:1' }\n`;
    expect((await load(text, environment)).config.tracing.otlpEndpoint).toBe('https://file:1');
  });

  it('counts as unset when empty, and is refused when unusable', async () => {
    const { tracing } = (await load(minimal, { OTEL_EXPORTER_OTLP_ENDPOINT: '' })).config;
    expect(tracing).toEqual({ sampleRatio: 1, resource: {} });
    const error = await refusal(load(minimal, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }));
    expect(error.code).toBe('ERR_CONFIG_ENVIRONMENT');
  });

  it('adds the resource attributes of the environment; those of the file come first', async () => {
    const environment = { OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=narthex-0, cloud.region=eu%2Dwest' };
    const text = `${minimal}tracing: { resource: { cloud.region: north } }\n`;
    const { resource } = (await load(text, environment)).config.tracing;
    expect(resource).toEqual({ 'k8s.pod.name': 'narthex-0', 'cloud.region': 'north' });
    expect((await load(minimal, environment)).config.tracing.resource['cloud.region']).toBe('eu-west');
  });

  it.each([
    'k8s.pod.name',
    'Pod=narthex-0',
    'a=%zz',
    'a=b,,c=d',
    `a=${'b'.repeat(256)}`,
    Array.from({ length: 33 }, (_, index) => `a${index}=b`).join(','),
  ])('refuses resource attributes of another form: %s', async (text) => {
    const error = await refusal(load(minimal, { OTEL_RESOURCE_ATTRIBUTES: text }));
    expect(error.code).toBe('ERR_CONFIG_ENVIRONMENT');
    expect(error.message).toContain('OTEL_RESOURCE_ATTRIBUTES');
  });
});

describe('a mistake', () => {
  it.each<[string, string, string, string]>([
    [
      'an unknown key',
      'listeners:',
      'listners:',
      '3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `listners`, did you mean `listeners`?',
    ],
    [
      'an unknown key further in',
      'port: 5222',
      'prot: 5222',
      '5:5: error ERR_CONFIG_UNKNOWN_KEY: unknown key `prot` in `listeners[0]`, did you mean `port`?',
    ],
    [
      'a key nothing like any',
      'kind: Proxy',
      'kind: Proxy\nwatermarks: {}',
      '3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `watermarks`',
    ],
    [
      'a missing key',
      '    port: 5222\n',
      '',
      '4:5: error ERR_CONFIG_MISSING: `port` is missing in `listeners[0]`',
    ],
    [
      'text for a number',
      'port: 5222',
      "port: '5222'",
      '5:11: error ERR_CONFIG_TYPE: `listeners[0].port` must be a number; it is the text `5222`',
    ],
    [
      'a port out of range',
      'port: 5222',
      'port: 65536',
      '5:11: error ERR_CONFIG_VALUE: `listeners[0].port` must be at most 65535; it is `65536`',
    ],
    [
      'half a port',
      'port: 5222',
      'port: 1.5',
      '5:11: error ERR_CONFIG_TYPE: `listeners[0].port` must be a whole number; it is `1.5`',
    ],
    [
      'a word not among those allowed',
      'tls: starttls',
      'tls: startls',
      '6:10: error ERR_CONFIG_VALUE: `listeners[0].tls` must be `starttls` or `direct`; it is the text `startls`, did you mean `starttls`?',
    ],
    [
      'a name with capitals',
      'name: clients',
      'name: Clients',
      '4:11: error ERR_CONFIG_VALUE: `listeners[0].name` must be lower-case letters, digits and hyphens, at most 63; it is the text `Clients`',
    ],
    [
      'a key in place of its path',
      'keyFile: tls.key',
      `keyFile: "-----BEGIN PRIVATE KEY-----\\nMIGHAgEA"`,
      '9:14: error ERR_CONFIG_VALUE: `certificates[0].keyFile` must be the path of a file, not its text; it is a certificate or key in PEM form',
    ],
    [
      'another version',
      'narthex/v1',
      'narthex/v2',
      '1:13: error ERR_CONFIG_VERSION: `apiVersion` must be `narthex/v1`; it is the text `narthex/v2`',
    ],
    ['no version', 'apiVersion: narthex/v1\n', '', '1:1: error ERR_CONFIG_VERSION: `apiVersion` is missing'],
    [
      'an empty section',
      'kind: Proxy',
      'kind: Proxy\nlimits:',
      '3:8: error ERR_CONFIG_TYPE: `limits` must be a mapping; it is empty',
    ],
    [
      'a key twice',
      'kind: Proxy',
      'kind: Proxy\nkind: Proxy',
      '3:1: error ERR_CONFIG_DUPLICATE_KEY: this key stands here twice',
    ],
    [
      'a domain in capitals',
      'domain: chat.example',
      'domain: Chat.example',
      '11:13: error ERR_CONFIG_VALUE: `domains[0].domain` must be a domain name in lower case, without a trailing dot, such as chat.example; it is the text `Chat.example`',
    ],
    [
      'an unknown gatekeeper',
      'gatekeeper: main',
      'gatekeeper: mian',
      '12:17: error ERR_CONFIG_REFERENCE: there is no gatekeeper `mian`, did you mean `main`?',
    ],
    [
      'a bare IPv6 address',
      'xmpp.internal:5222',
      "'2001:db8::1'",
      '16:16: error ERR_CONFIG_VALUE: `gatekeepers[0].connect.address` must be host:port, such as xmpp.example:5222 or [2001:db8::1]:5222; this needs brackets around its IPv6 address; it is the text `2001:db8::1`',
    ],
    [
      'a misspelt alternative',
      'address: x',
      'adress: x',
      '16:7: error ERR_CONFIG_UNKNOWN_KEY: unknown key `adress` in `gatekeepers[0].connect`, did you mean `address`?',
    ],
    [
      'two alternatives at once',
      '      tls: starttls',
      '      tls: starttls\n      srv: x',
      '18:7: error ERR_CONFIG_UNKNOWN_KEY: key `srv` in `gatekeepers[0].connect` does not go with the other keys',
    ],
    [
      'text for the alternative',
      '\n      address: xmpp.internal:5222\n      tls: starttls',
      ' xmpp.internal',
      '15:14: error ERR_CONFIG_TYPE: `gatekeepers[0].connect` must have `address` and `tls`, or `srv`, or `websocket`; it is the text `xmpp.internal`',
    ],
    [
      'half a client certificate',
      '  - name: main\n',
      '  - name: main\n    clientKeyFile: tls.key\n',
      '14:5: error ERR_CONFIG_MISSING: `clientCertFile` is missing in `gatekeepers[0]`: a client certificate is a pair of files',
    ],
    [
      'tokens to verify without their issuer',
      '  - name: main\n',
      '  - name: main\n    channelBinding: reauthenticate\n',
      '15:21: error ERR_CONFIG_MISSING: `channelBinding: reauthenticate` verifies ownership tokens, and there is no section `provider` that says whose',
    ],
    [
      'limits that contradict',
      'kind: Proxy',
      'kind: Proxy\nlimits: { stanzaBytesMax: 10000, tagBytesMax: 10001 }',
      '3:47: error ERR_CONFIG_VALUE: `limits.tagBytesMax` (10001) must not be more than `limits.stanzaBytesMax` (10000)',
    ],
    [
      'ends of sessions over more than the time for draining',
      'kind: Proxy',
      'kind: Proxy\ntimeouts: { drainMs: 1000, drainSpreadMs: 1001 }',
      '3:43: error ERR_CONFIG_VALUE: `timeouts.drainSpreadMs` (1001) must not be more than `timeouts.drainMs` (1000)',
    ],
    [
      'a stanza limit below the RFC',
      'kind: Proxy',
      'kind: Proxy\nlimits: { stanzaBytesMax: 9999 }',
      '3:27: error ERR_CONFIG_VALUE: `limits.stanzaBytesMax` must be at least 10000; it is `9999`',
    ],
    [
      'a share of no account',
      'kind: Proxy',
      'kind: Proxy\npolicy: { file: balanced, share: [{ file: strict, percent: 0 }] }',
      '3:60: error ERR_CONFIG_VALUE: `policy.share[0].percent` must be more than 0; it is `0`',
    ],
    [
      'a number that is none',
      'kind: Proxy',
      'kind: Proxy\ntracing: { sampleRatio: .nan }',
      '3:25: error ERR_CONFIG_TYPE: `tracing.sampleRatio` must be a number; it is `NaN`',
    ],
    [
      'a name of another form',
      'kind: Proxy',
      'kind: Proxy\ntracing: { resource: { Zone: a } }',
      '3:24: error ERR_CONFIG_VALUE: a name in `tracing.resource` must be lower-case letters, digits, dots and underscores; it is the text `Zone`',
    ],
    [
      'a list in place of names and values',
      'kind: Proxy',
      'kind: Proxy\ntracing: { resource: [] }',
      '3:22: error ERR_CONFIG_TYPE: `tracing.resource` must be a mapping; it is an empty list',
    ],
    [
      'a merge key',
      'kind: Proxy',
      'kind: Proxy\n<<: {}',
      '3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `<<`',
    ],
    [
      'a key of the prototype',
      'kind: Proxy',
      'kind: Proxy\n__proto__: {}',
      '3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `__proto__`',
    ],
    [
      'an inherited name',
      'kind: Proxy',
      'kind: Proxy\nconstructor: {}',
      '3:1: error ERR_CONFIG_UNKNOWN_KEY: unknown key `constructor`',
    ],
    [
      'a collector with a password',
      'kind: Proxy',
      'kind: Proxy\ntracing: { otlpEndpoint: "http://a:b@c" }',
      '3:26: error ERR_CONFIG_VALUE: `tracing.otlpEndpoint` must be an http or https URL without user, query or fragment, such as http://collector:4318; it is an address with a user or password',
    ],
  ])('%s', async (_, from, to, expected) => {
    expect(await problems(edited(from, to))).toEqual([`narthex.yaml:${expected}`]);
  });

  it('a key file in place of the configuration is not quoted', async () => {
    const key = `-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n`;
    expect(await problems(key)).toEqual([
      'narthex.yaml:1:1: error ERR_CONFIG_TYPE: the document must be a mapping; it is a certificate or key in PEM form',
    ]);
  });

  it('always comes with a remedy', async () => {
    const { problems } = await refusal(load('listners: 1\nkind: 2\nlimits: []\n'));
    expect(problems.length).toBeGreaterThan(4);
    for (const { remedy } of problems) expect(remedy).toMatch(/^[^\s].{10,}/);
  });

  it('is reported together with all others, in the order of the file', async () => {
    const text = edited('port: 5222', 'port: x')
      .replace('kind: Proxy', 'kind: Client')
      .replace('tls.key', 'tls.key\n    kefile: x');
    expect((await problems(text)).map((line) => line.split(': error ')[0])).toEqual([
      'narthex.yaml:2:7',
      'narthex.yaml:5:11',
      'narthex.yaml:10:5',
    ]);
  });

  it('is listed up to a bound', async () => {
    const error = await refusal(
      load(minimal + Array.from({ length: 200 }, (_, index) => `zz${index}: 1\n`).join('')),
    );
    expect([error.problems.length, error.omitted]).toEqual([problemsMax, 200 - problemsMax]);
  });

  it('is placed where an alias leads', async () => {
    const text = edited('    connect:\n', '    connect: &c\n')
      .concat('  - name: other\n    connect: *c\n')
      .replace(':5222\n', ':0\n');
    expect(await problems(text)).toHaveLength(2);
    for (const line of await problems(text)) expect(line).toMatch(/^narthex\.yaml:16:16: /);
  });
});

describe('two of a kind', () => {
  it('listeners of one name', async () => {
    expect(await problems(listener('clients', '::', 5223))).toEqual([
      'narthex.yaml:7:13: error ERR_CONFIG_DUPLICATE: listener `clients` is already `listeners[0]`',
    ]);
  });

  it('a listener and the WebSocket endpoint', async () => {
    const http = 'http: { publicUrl: https://proxy.example, websocket: { name: clients } }\n';
    const found = await problems(minimal + http);
    expect(found.map((line) => line.replace(/^[^ ]* /, ''))).toEqual([
      'error ERR_CONFIG_DUPLICATE: `clients` is the name of `listeners[0]`',
    ]);
  });

  it('fields of one PROXY header', async () => {
    const one = '{ trusted: [10.0.0.0/8], ja4Type: 230, p0fType: 230 }';
    const two = '{ trusted: [10.0.0.0/8], ja4Type: 237, authentication: { keyFiles: [tls.key] } }';
    for (const [balancers, message] of [
      [one, '`p0fType` (230) is already `ja4Type`'],
      [two, '`authentication.hmacType` (237) is already `ja4Type`'],
    ] as const) {
      const found = await problems(
        edited('tls: starttls\n', `tls: starttls\n    proxyProtocol: ${balancers}\n`),
      );
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/^narthex\.yaml:7:\d+: error ERR_CONFIG_DUPLICATE: /);
      expect(found[0]).toContain(message);
    }
  });

  it('domains, also when one is in ASCII form', async () => {
    const text = edited('chat.example', 'münchen.example').replace(
      'gatekeepers:',
      '  - { domain: xn--mnchen-3ya.example, gatekeeper: main }\ngatekeepers:',
    );
    expect(await problems(text)).toEqual([
      'narthex.yaml:13:15: error ERR_CONFIG_DUPLICATE: domain `xn--mnchen-3ya.example` is already served by `domains[0]`',
    ]);
  });

  it.each([
    ['::', '127.0.0.1', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '::1', false],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', '127.0.0.1', true],
  ])('ports of %s and %s clash: %s', async (first, second, clashes) => {
    const text = listener('second', second, 5222).replace(
      '  - name: clients',
      `  - name: clients\n    host: '${first}'`,
    );
    if (!clashes) return expect((await load(text)).config.listeners).toHaveLength(2);
    expect((await problems(text))[0]).toMatch(
      /8:\d+: error ERR_CONFIG_PORT_CLASH: port 5222 is already taken by listener `clients`/,
    );
  });

  it('the admin port and a listener', async () => {
    expect(await problems(`${minimal}admin: { port: 5222 }\n`)).toEqual([
      'narthex.yaml:18:16: error ERR_CONFIG_PORT_CLASH: port 5222 is already taken by listener `clients`',
    ]);
  });

  it('free ports never clash', async () => {
    const { config } = await load(listener('second', '::', 0).replace('port: 5222', 'port: 0'));
    expect(config.listeners).toHaveLength(2);
  });
});

describe('a file that is no configuration', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['is empty', '', 'ERR_CONFIG_TYPE'],
    ['is a list', '- a', 'ERR_CONFIG_TYPE'],
    ['is not YAML', 'a: [1', 'ERR_CONFIG_SYNTAX'],
    ['is two documents', `${minimal}---\n${minimal}`, 'ERR_CONFIG_SYNTAX'],
    ['has tags of its own', minimal.replace('Proxy', '!js/function Proxy'), 'ERR_CONFIG_SYNTAX'],
    ['is not UTF-8', Uint8Array.of(0x61, 0x3a, 0xff), 'ERR_CONFIG_SYNTAX'],
    ['is too large', `${minimal}${'#'.repeat(262_144)}`, 'ERR_CONFIG_TOO_LARGE'],
    ['is nested beyond reason', '['.repeat(200_000), 'ERR_CONFIG_SYNTAX'],
  ])('%s', async (_, text, code) => expect((await refusal(load(text))).code).toBe(code));

  it('is not UTF-8: the place and the remedy are those of the encoding', async () => {
    const { problems } = await refusal(load(Buffer.from('a: b\nc: \xff', 'latin1')));
    expect(problems).toMatchObject([
      { place: { line: 2, column: 4 }, message: 'this byte is not UTF-8', remedy: 'Save the file as UTF-8' },
    ]);
  });

  it('is an alias bomb', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `a${level + 1}: &a${level + 1} [${Array(9).fill(`*a${level}`).join(', ')}]`,
    );
    // Expanded, the last alias stands for 387 million values: the test would not end.
    expect((await refusal(load(`a0: &a0 [x]\n${levels.join('\n')}\n`))).code).toBe('ERR_CONFIG_ALIAS');
  });

  it('contains itself', async () => {
    expect((await refusal(load(`${minimal}extra: &a [*a]\n`))).code).toBe('ERR_CONFIG_UNKNOWN_KEY');
  });

  it('is not there, or a folder, or forbidden', async () => {
    const folder = await folderWith({});
    const code = async (file: string): Promise<string> =>
      (await refusal(loadConfig({ folder, file, environment: {} }))).code;
    expect(await code('none.yaml')).toBe('ERR_CONFIG_NOT_FOUND');
    await mkdir(join(folder, 'sub'));
    expect(await code('sub')).toBe('ERR_CONFIG_UNREADABLE');
  });

  it('never ends', async () => {
    expect((await refusal(loadConfig({ folder: '/', file: '/dev/zero', environment: {} }))).code).toBe(
      'ERR_CONFIG_TOO_LARGE',
    );
  });
});

describe('a file that the configuration names', () => {
  it('must exist and be a file', async () => {
    const folder = await folderWith({ 'narthex.yaml': minimal });
    await mkdir(join(folder, 'tls.key'));
    const { problems } = await refusal(loadConfig({ folder, environment: {} }));
    expect(problems.map(formatProblem)).toEqual([
      `narthex.yaml:8:15: error ERR_CONFIG_FILE: \`certificates[0].certFile\`: ${join(folder, 'tls.crt')} does not exist`,
      `narthex.yaml:9:14: error ERR_CONFIG_FILE: \`certificates[0].keyFile\`: ${join(folder, 'tls.key')} is not a file`,
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('must be readable', async () => {
    const folder = await folderWith({ ...pair, 'narthex.yaml': minimal });
    await chmod(join(folder, 'tls.key'), 0);
    expect((await refusal(loadConfig({ folder, environment: {} }))).problems[0]!.code).toBe(
      'ERR_CONFIG_FILE',
    );
  });
});

describe('any text', () => {
  it('is accepted or refused with a place, never worse', async () => {
    const lines = minimal.split('\n');
    const mutation = fc.tuple(
      fc.nat(lines.length - 1),
      fc.oneof(fc.string(), fc.constantFrom('- [', '&a *a', '? x', ': :', '"', '\t')),
    );
    const text = fc.array(mutation, { maxLength: 4 }).map((changes) => {
      const copy = [...lines];
      for (const [line, content] of changes) copy[line] = content;
      return copy.join('\n');
    });
    const folder = await folderWith(pair);
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        await writeFile(join(folder, 'narthex.yaml'), content);
        const outcome = await loadConfig({ folder, environment: {} }).catch((error: unknown) => error);
        if (!(outcome instanceof ConfigError)) {
          expect(outcome).toHaveProperty('config');
          return;
        }
        for (const { place } of outcome.problems) {
          if (place === undefined) continue;
          expect(place.line).toBeLessThanOrEqual(content.split('\n').length);
          expect(place.column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
