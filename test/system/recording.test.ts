/** `serve --record`: what a running proxy records, and when it ends. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy } from '../../src/app/files/policies.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import { audienceOf, directions } from '../../src/stanza/direction.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { catalogue, names, pseudonyms, today, wire } from '../policy/fixtures.ts';
import { generatedStanza } from '../support/generated-stanzas.ts';
import { Random } from '../support/random.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { recordsOf, stanzasOf } from '../recording/recordings.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';
import { serveProcess } from '../support/serve-process.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const launcher = join(import.meta.dirname, '../../src/cli/main.ts');
const mebibyte = 1_048_576;

let folder: TemporaryFolder;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'recording.jsonl');
});
afterEach(() => folder[Symbol.asyncDispose]());

interface Scene extends TestProxy, AsyncDisposable {
  /** Everything that reached the gatekeeper since the login. */
  readonly arrived: () => string;
  readonly send: (text: string) => void;
}

async function start(options: Partial<TestProxyOptions> = {}): Promise<Scene> {
  let arrived = '';
  const sockets: { write(text: string): unknown }[] = [];
  const gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    sockets.push(socket);
    socket.on('data', (chunk: Buffer) => (arrived += chunk.toString()));
  });
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    recording: { file, durationMs: 3_600_000, bytesMax: mebibyte },
    ...options,
  });
  return Object.assign(proxy, {
    arrived: () => arrived,
    send: (text: string) => sockets.at(-1)!.write(text),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      gatekeeper.close();
    },
  });
}

const login = (proxy: TestProxy): Promise<RawClient> =>
  logInRaw(proxy.direct, authority.certificate, { username: 'juliet', password: 'rose' });

/** Returns how often each decision is made when the stanzas of a recording are decided again. */
async function replayed(path: string, policyName: string): Promise<Record<string, number>> {
  const compiled = new CompiledPolicy(openPolicy(policyName), { catalogue, names, pseudonyms });
  const counts: Record<string, number> = {};
  const facts = { gatekeeper: 'test', account: '', resource: '', session: 's', startedAt: today };
  let isEstablished = false;
  const deciders = Object.fromEntries(
    directions.map((direction) => [
      direction,
      new Decider(compiled, direction, facts, { clock: () => today, random: () => 0 }),
    ]),
  );
  for (const record of await recordsOf(path)) {
    if (record.kind === 'session') {
      Object.assign(facts, { account: record.account, resource: record.resource });
      isEstablished = record.established;
    }
    if (record.kind !== 'stanza' || record.xml === undefined) continue;
    const stanza = wire.parse(record.xml, names);
    const isEarly = stanza.namespaceName(0) === ns.sasl || stanza.namespaceName(0) === ns.sasl2;
    if (!isEstablished && !isEarly) continue;
    for (const { field, treatment } of deciders[record.direction]!.decide(stanza).decisions) {
      const key = `${audienceOf(record.direction)} ${field} ${treatment}`;
      if (catalogue.fields.get(field)?.where === 'stanza') counts[key] = (counts[key] ?? 0) + 1;
    }
  }
  return counts;
}

const policy = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours, owner: security@third.example }
spec:
  extends: passthrough
  audiences:
    gatekeeper:
      presence.status: drop
      content.wire-size: { pad: [512B, 4KiB] }
`;

describe('a proxy that records', () => {
  it('has each stanza with its sizes and tokens, and no value of a user', async () => {
    await using proxy = await start({ policy: await folder.write('policy.yaml', policy) });
    const client = await login(proxy);
    const presence = "<presence id='zq1'><status>zq0status</status></presence>";
    client.socket.write(presence);
    await eventually(() => proxy.arrived().includes("id='zq1'"));
    const shown = proxy.arrived();
    const message = "<message to='zq0romeo@zq1.example/zq8orchard' id='zq2'><body>zq0 body</body></message>";
    client.socket.write(message);
    await eventually(() => proxy.arrived().includes("id='zq2'"));
    const answer = "<message from='zq0romeo@zq1.example' id='zq3'/>";
    proxy.send(answer);
    await client.until('zq3');
    await proxy.proxy.close(0);

    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/zq[0189]|juliet|rose|localhost|127\.0\.0\.1|AGp1/);
    const records = await recordsOf(file);
    expect(records[0]).toMatchObject({ kind: 'recording', format: 1, bytesMax: mebibyte });
    expect(records[1]).toMatchObject({
      kind: 'in-force',
      gatekeeper: 'test',
      policy: 'ours',
      mode: 'enforce',
    });
    const stanzas = stanzasOf(records);
    const named = (name: string, direction: string) =>
      stanzas.filter((each) => each.xml?.startsWith(`<${name}`) && each.direction === direction);
    const [recorded] = named('presence', 'to-gatekeeper');
    expect(recorded).toMatchObject({ received: presence.length, forwarded: shown.length });
    expect(shown.length).toBe(512);
    expect(recorded!.xml).toMatch(/^<presence id='[a-z0-9]{3}'><status>[a-z0-9]{9}<\/status><\/presence>$/);
    expect(named('message', 'to-gatekeeper')).toMatchObject([{ received: message.length, forwarded: 512 }]);
    expect(named('message', 'to-client')).toMatchObject([
      { received: answer.length, forwarded: answer.length },
    ]);
    expect(named('auth', 'to-gatekeeper')[0]!.xml).toMatch(/mechanism='PLAIN'>x+<\/auth>$/);
    expect(records.at(-1)).toMatchObject({ kind: 'end', reason: 'stopped', stanzas: stanzas.length });
    expect(proxy.recordings.map(({ kind }) => kind)).toEqual(['started', 'ended']);
  });

  it('holds what the policy decides by: the same decisions are counted when it is read', async () => {
    await using proxy = await start({ policy: 'balanced' });
    const client = await login(proxy);
    proxy.send(
      `<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@localhost/zq0balcony</jid></bind></iq>`,
    );
    await client.until("id='b'");
    const random = new Random(1);
    const stanzas = Array.from({ length: 300 }, () => generatedStanza(random));
    client.socket.write(`${stanzas.slice(0, 150).join('')}<message id='last'/>`);
    proxy.send(`${stanzas.slice(150).join('')}<message id='last'/>`);
    await eventually(() => proxy.arrived().includes("id='last'"));
    await client.until("id='last'");
    await proxy.proxy.close(0);
    const decided = [...proxy.decisions.totals()].flatMap(({ audience, field, treatment, count }) =>
      catalogue.fields.get(field)?.where === 'stanza' ? [[`${audience} ${field} ${treatment}`, count]] : [],
    );
    expect(decided.length).toBeGreaterThan(100);
    expect(await replayed(file, 'balanced')).toEqual(Object.fromEntries(decided));
  });

  it('lets its owner alone read the file', async () => {
    await using _ = await start();
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('does not start where the file exists, and leaves that as it is', async () => {
    await writeFile(file, 'precious');
    await expect(start()).rejects.toThrow(`ERR_RECORDING_UNWRITABLE: cannot create ${file} (EEXIST)`);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('records which policy came into force', async () => {
    const path = await folder.write('policy.yaml', policy);
    await using proxy = await start({ policy: path });
    await folder.write('policy.yaml', policy.replace('name: ours', 'name: theirs'));
    await proxy.proxy.refresh();
    await proxy.proxy.close(0);
    const inForce = (await recordsOf(file)).filter(({ kind }) => kind === 'in-force');
    expect(inForce).toMatchObject([{ policy: 'ours' }, { policy: 'theirs' }]);
  });

  it.each([
    ['after its time', { durationMs: 500, bytesMax: mebibyte }, 'duration'],
    ['at its size', { durationMs: 3_600_000, bytesMax: 65_536 }, 'size'],
  ] as const)('ends %s, and relays on', async (_, limits, reason) => {
    await using proxy = await start({ recording: { file, ...limits } });
    const client = await login(proxy);
    await eventually(() => {
      client.socket.write("<presence id='p'><status>here</status></presence>");
      return proxy.recordings.some(({ kind }) => kind === 'ended');
    });
    const { size } = statSync(file);
    expect(size).toBeLessThanOrEqual(limits.bytesMax);
    client.socket.write("<presence id='last'/>");
    await eventually(() => proxy.arrived().includes("id='last'"));
    expect(statSync(file).size).toBe(size);
    expect((await recordsOf(file)).at(-1)).toMatchObject({ kind: 'end', reason });
    expect(proxy.recordings.at(-1)).toMatchObject({ kind: 'ended', reason, bytes: size });
  });

  // A file system of a few pages stands for a full disk. Only root can mount one.
  it.runIf(process.getuid?.() === 0)('ends on a full disk, with whole lines, and relays on', async () => {
    const small = join(folder.path, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', small]);
    try {
      file = join(small, 'recording.jsonl');
      await using proxy = await start();
      const client = await login(proxy);
      await eventually(() => {
        client.socket.write("<presence id='p'><status>here</status></presence>");
        return proxy.recordings.some(({ kind }) => kind === 'ended');
      });
      expect(proxy.recordings.at(-1)).toMatchObject({ kind: 'ended', reason: 'write-failed' });
      client.socket.write("<presence id='last'/>");
      await eventually(() => proxy.arrived().includes("id='last'"));
      expect(stanzasOf(await recordsOf(file)).length).toBeGreaterThan(20);
    } finally {
      execFileSync('umount', ['--lazy', small]);
    }
  });
});

describe('narthex serve --record', () => {
  it('says in the log and in a metric that it records, and when that ended', async () => {
    const options = ['--record', '{folder}/out.jsonl', '--record-for', '1s', '--record-bytes', '1MiB'];
    const proxy = await serveProcess({ config: {}, options });
    try {
      const event = (name: string) => proxy.log.find((line) => line['event'] === name);
      expect(event('recording.started')).toMatchObject({
        level: 'warn',
        durationMs: 1_000,
        bytesMax: mebibyte,
      });
      const metric = async (): Promise<string | undefined> => {
        const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
        return /^narthex_recording (\d)$/m.exec(text)?.[1];
      };
      await eventually(() => event('recording.ended') !== undefined);
      expect(event('recording.ended')).toMatchObject({ level: 'warn', reason: 'duration', stanzas: 0 });
      expect(await metric()).toBe('0');
      expect((await recordsOf(join(proxy.folder, 'out.jsonl'))).map(({ kind }) => kind)).toEqual([
        'recording',
        'in-force',
        'end',
      ]);
    } finally {
      await proxy.stop();
    }
  });

  it('sets the metric while it records', async () => {
    const options = ['--record', '{folder}/out.jsonl', '--record-for', '1h', '--record-bytes', '1MiB'];
    const proxy = await serveProcess({ config: {}, options });
    try {
      const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
      expect(text).toMatch(/^narthex_recording 1$/m);
    } finally {
      await proxy.stop();
    }
  });

  it.each([
    [['--record', 'x.jsonl'], 'are given together or not at all'],
    [['--record-for', '10m'], 'are given together or not at all'],
    [['--record', 'x.jsonl', '--record-bytes', '1MiB'], 'are given together or not at all'],
    [
      ['--record', 'x.jsonl', '--record-for', 'long', '--record-bytes', '1MiB'],
      '--record-for takes a duration',
    ],
    [['--record', 'x.jsonl', '--record-for', '25h', '--record-bytes', '1MiB'], 'at most 24h'],
    [['--record', 'x.jsonl', '--record-for', '1h', '--record-bytes', '1KiB'], 'at least 64KiB'],
  ])('refuses %j', (options, words) => {
    const { status, stderr } = spawnSync(process.execPath, [launcher, 'serve', 'narthex.yaml', ...options], {
      cwd: folder.path,
      encoding: 'utf8',
    });
    expect(status).toBe(64);
    expect(stderr).toContain('ERR_OPTION');
    expect(stderr).toContain(words);
    expect(existsSync(join(folder.path, 'x.jsonl'))).toBe(false);
  });
});
