/** Mutated files through the reload of a live proxy with sessions: policies, capability profiles, certificates, keys, and
 *  the files that take effect at the next start. The process and the sessions must stay alive, and each refusal must name
 *  its file and place, the same in the log and in the state of the files. */
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProxy, type Proxy } from '../../src/app/proxy.ts';
import { systemClock } from '../../src/app/clock.ts';
import { createObserver } from '../../src/app/telemetry/observer.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Diagnostic } from '../../src/documents/diagnostic.ts';
import { explanationOf } from '../../src/errors/table.ts';
import { FileStates, type FilePart } from '../../src/observability/file-states.ts';
import { version } from '../../src/observability/identifiers.ts';
import { openLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { SessionGauge } from '../../src/observability/session-gauge.ts';
import { openTracing } from '../../src/observability/tracing.ts';
import { createAuthority } from '../support/certificates.ts';
import { mutateBytes, mutatePem, mutateYaml } from '../support/mutations.ts';
import { Random } from '../support/random.ts';
import { logInRaw, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper } from '../support/raw-gatekeeper.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

const shipped = new URL('../../policies/', import.meta.url).pathname;

/** Files of one kind that are mutated, and the part of the proxy that reads them. */
interface Kind {
  readonly name: string;
  /** Parts that a mutated file may have rejected. */
  readonly parts: readonly FilePart[];
  /** Below the folder of the proxy. */
  readonly files: readonly string[];
  readonly mutate: (original: Buffer, random: Random) => Buffer;
}

const house = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata:
  name: house
  owner: privacy@provider.example
  description: Everything that a policy can say.
spec:
  extends: base
  mode: enforce
  unlisted: drop
  audiences:
    gatekeeper:
      id.iq: { pseudonymise: { scope: session, rotate: 30d } }
      time.delay: { coarsen: 1h, why: not needed to the second }
      presence.status: { replace: away }
      id.message: keep
    client:
      time.delay: keep
  exceptions:
    - when: { contact-domain: partner.example, gatekeeper: test }
      audiences:
        gatekeeper:
          time.delay: keep
      why: they ask for it
      approved-by: board
      expires: 2035-03-31
    - when:
        account-domain: localhost
      audiences: { client: { time.delay: { coarsen: 1h } } }
      why: "quoted: text"
      approved-by: 'board'
      expires: 2036-03-31
  tests:
    - name: a message passes
      from: client
      given: |
        <message xmlns='jabber:client' to='a@b.example'><body>hi</body></message>
      expect: unchanged
`;

function pem(key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'public' ? 'spki' : 'pkcs8' }).toString();
}

interface Scene {
  readonly folder: string;
  readonly proxy: Proxy;
  readonly states: FileStates;
  /** Lines of the log that say why a reload was rejected. */
  readonly rejections: Record<string, unknown>[];
  readonly clients: readonly RawClient[];
  readonly kinds: readonly Kind[];
  close(): Promise<void>;
}

/** A proxy with all its files in one folder, and sessions that talk to an echoing gatekeeper. */
async function openScene(): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-reloads-'));
  const authority = createAuthority();
  const pair = authority.issue({ dns: ['localhost'] });
  const client = authority.issue({ dns: ['proxy.example'], usage: 'client' });
  const gatekeeper = await startRawGatekeeper(pair.cert, pair.key, (socket) =>
    socket.on('data', (chunk: Buffer) => {
      for (const [, id] of chunk.toString('latin1').matchAll(/ping-(\d+)/g))
        socket.write(`<message from='b@localhost' type='chat'><body>pong-${id}</body></message>`);
    }),
  );
  mkdirSync(join(folder, 'signing'));
  for (const name of ['capabilities', 'catalogue', 'obligations', 'content-kinds.yaml'])
    cpSync(join(shipped, name), join(folder, name), { recursive: true });
  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(folder, name), content);
  write('house.yaml', house);
  write('base.yaml', readFileSync(join(shipped, 'balanced.yaml'), 'utf8').replace('name: balanced', 'name: base'));
  write('extra.yaml', readFileSync(join(shipped, 'catalogue/time.yaml'), 'utf8').replaceAll('time.', 'ours.'));
  write('tls.crt', pair.cert + authority.cert);
  write('tls.key', pair.key);
  write('ca.crt', authority.cert);
  write('client.crt', client.cert);
  write('client.key', client.key);
  write('pseudonyms.key', randomBytes(32));
  write('signing/spring.pem', pem(generateKeyPairSync('ed25519').privateKey));
  write('signing/summer@20350101T000000Z.pem', pem(generateKeyPairSync('ed25519').privateKey));
  write('narthex.yaml', configuration(gatekeeper.port));

  const options = { file: join(folder, 'narthex.yaml'), environment: {}, folder };
  const { config, file } = await loadConfig(options);
  const states = new FileStates();
  const rejections: Record<string, unknown>[] = [];
  const log = openLog({
    level: 'info',
    now: () => Date.now(),
    destination: {
      write(line) {
        const logged = JSON.parse(line) as Record<string, unknown>;
        if (logged['event'] === 'reload.rejected') rejections.push(logged);
      },
    },
  });
  const proxy = await startProxy(
    config,
    createObserver({
      version: version('1.0.0'),
      log,
      metrics: createMetrics({ version: 'test', processMetrics: false }),
      tracing: await openTracing({ collector: undefined, version: 'test', failed: () => {}, dropped: () => {} }),
      files: states,
      gauge: new SessionGauge(),
      clock: systemClock,
    }),
    { source: { file, check: () => loadConfig(options) } },
  );
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => logInRaw(proxy.ports[0]!, authority.cert)),
  );
  return {
    folder,
    proxy,
    states,
    rejections,
    clients,
    kinds: kindsOf(folder),
    async close() {
      for (const each of clients) each.socket.destroy();
      await proxy.close(0);
      gatekeeper.close();
      rmSync(folder, { recursive: true });
    },
  };
} // prettier-ignore

function configuration(gatekeeperPort: number): string {
  return `apiVersion: narthex/v1
kind: Proxy
listeners:
  - { name: direct, host: 127.0.0.1, port: 0, tls: direct }
certificates:
  - { certFile: tls.crt, keyFile: tls.key }
domains:
  - { domain: localhost, gatekeeper: test }
gatekeepers:
  - name: test
    connect: { address: '127.0.0.1:${gatekeeperPort}', tls: direct }
    caFile: ca.crt
    clientCertFile: client.crt
    clientKeyFile: client.key
policy:
  file: ./house.yaml
  catalogue: []
  obligations: obligations
  keyFiles: [pseudonyms.key]
signals: { issuer: 'https://narthex.example', keysFolder: signing }
capabilities: { contentKinds: content-kinds.yaml, profiles: capabilities }
`;
}

function kindsOf(folder: string): readonly Kind[] {
  const below = (name: string): string[] => readdirSync(join(folder, name)).map((file) => join(name, file));
  const authority = createAuthority('Another authority');
  const other = authority.issue({ dns: ['localhost'] });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const others = [
    other.cert,
    other.key,
    pem(ec.privateKey),
    pem(ec.publicKey),
    pem(generateKeyPairSync('ed25519').privateKey),
    pem(generateKeyPairSync('x25519').privateKey),
    pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
    generateKeyPairSync('ed25519').privateKey
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'p' })
      .toString(),
  ]; // prettier-ignore
  const byYaml = (original: Buffer, random: Random): Buffer => mutateYaml(original.toString(), random);
  const byPem = (original: Buffer, random: Random): Buffer => mutatePem(original.toString(), others, random);
  return [
    { name: 'policies', parts: ['policy'], files: ['house.yaml', 'base.yaml'], mutate: byYaml },
    {
      name: 'profiles',
      parts: ['capabilities'],
      files: ['content-kinds.yaml', ...below('capabilities')],
      mutate: byYaml,
    },
    { name: 'certificates', parts: ['certificates'], files: ['tls.crt', 'ca.crt', 'client.crt'], mutate: byPem },
    {
      name: 'keys',
      parts: ['certificates', 'signing-keys', 'policy'],
      files: ['tls.key', 'client.key', 'pseudonyms.key', ...below('signing')],
      mutate: (original, random) => (random.once(5) ? mutateBytes(original, random) : byPem(original, random)),
    },
    {
      name: 'files of the next start',
      parts: ['catalogue', 'obligations', 'configuration'],
      files: ['narthex.yaml', ...below('obligations')],
      mutate: byYaml,
    },
  ]; // prettier-ignore
}

/** Codes of problems that have no line: the file could not be read, or the folder lacks something. */
const withoutLine =
  /_UNREADABLE$|^ERR_POLICY_FILE$|^ERR_SIGNING_KEYS_INVALID$|^ERR_CONFIG_(?:NOT_FOUND|UNREADABLE)$/;

/** Returns what a rejected reload fails to say, or undefined. */
function shortcoming({ folder }: Scene, problem: Diagnostic): string | undefined {
  const { code, file, line, column, reason, remedy } = problem;
  if (code === 'ERR_RELOAD_DEFECT') return `a defect: ${reason}`;
  if (explanationOf(code) === undefined) return `code ${code} is not in ERRORS.md`;
  if (!file.startsWith(folder)) return `${code} without its file`;
  if (reason === '' || remedy === '') return `${code} without ${reason === '' ? 'reason' : 'remedy'}: ${reason}`;
  if (line === undefined || column === undefined)
    return withoutLine.test(code) ? undefined : `${code} without its place: ${reason}`;
  const lines = linesOf(file);
  return line >= 1 && column >= 1 && (lines === undefined || line <= lines)
    ? undefined
    : `${code} at ${line}:${column} of ${lines} lines`;
} // prettier-ignore

function linesOf(file: string): number | undefined {
  try {
    return readFileSync(file, 'latin1').split(/\r\n|\r|\n/).length;
  } catch {
    return undefined;
  }
}

interface Tally {
  accepted: number;
  rejected: number;
}

/** Mutations between two checks that everything is as before. */
const roundSize = 50;

class Run {
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #originals: ReadonlyMap<string, Buffer>;
  readonly failures: string[] = [];
  readonly codes = new Set<string>();
  #pings = 0;

  constructor(scene: Scene, seed: number) {
    this.#scene = scene;
    this.#random = new Random(seed);
    this.#originals = new Map(
      scene.kinds.flatMap(({ files }) => files.map((file) => [file, readFileSync(join(scene.folder, file))])),
    );
  }

  async kind(kind: Kind, { count, progress }: Pick<LongRunRequest, 'count' | 'progress'>): Promise<Tally> {
    const tally: Tally = { accepted: 0, rejected: 0 };
    for (let index = 0; index < count; index += 1) {
      const file = this.#random.pick(kind.files);
      const what = `${kind.name} ${index} (${file})`;
      this.#write(file, kind);
      await this.#judge(kind, what, tally);
      this.#restore(file);
      if (index % roundSize === roundSize - 1 || index === count - 1) await this.#expectAsBefore(what);
      progress(index + 1);
    }
    return tally;
  }

  /** Puts a mutated file in place; now and then none, or a folder of its name. */
  #write(file: string, { mutate }: Kind): void {
    const path = join(this.#scene.folder, file);
    const original = this.#originals.get(file)!;
    const fate = this.#random.below(200);
    if (fate < 2) rmSync(path);
    if (fate === 0) mkdirSync(path);
    if (fate >= 2) writeFileSync(path, mutate(original, this.#random));
  }

  #restore(file: string): void {
    const path = join(this.#scene.folder, file);
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, this.#originals.get(file)!);
  }

  async #judge({ parts }: Kind, what: string, tally: Tally): Promise<void> {
    const { proxy, states, rejections } = this.#scene;
    await proxy.refresh();
    const summary = states.summary();
    const problems = parts.flatMap((part) => summary[part].problems);
    tally[problems.length === 0 ? 'accepted' : 'rejected'] += 1;
    for (const problem of problems.slice(0, 3)) {
      this.codes.add(problem.code);
      const lacks = shortcoming(this.#scene, problem);
      if (lacks !== undefined) this.failures.push(`${what}: ${lacks}`);
    }
    const [first] = problems;
    const { code, line } = rejections.findLast((each) => each['code'] === first?.code) ?? {};
    if (first !== undefined && code === undefined) this.failures.push(`${what}: ${first.code} is not in the log`);
    if (first !== undefined && line === undefined && first.line !== undefined)
      this.failures.push(`${what}: the log does not name the line`);
    rejections.splice(0, Math.max(0, rejections.length - 1_000));
  } // prettier-ignore

  /** Everything is in force again, and every session is alive. */
  async #expectAsBefore(what: string): Promise<void> {
    const { proxy, states, clients } = this.#scene;
    await proxy.refresh();
    for (const [part, { state }] of Object.entries(states.summary()))
      if (state !== 'loaded') this.failures.push(`${what}: ${part} stays ${state} though the files are as before`);
    const ping = (this.#pings += 1);
    for (const [index, client] of clients.entries()) {
      client.socket.write(`<message to='b@localhost' type='chat'><body>ping-${ping}</body></message>`);
      try {
        await client.until(`pong-${ping}`);
        client.forget();
      } catch (error) {
        this.failures.push(`${what}: session ${index}: ${error instanceof Error ? error.message : 'lost'}`);
      }
    }
  } // prettier-ignore
}

/** Runs `count` mutations of each kind. */
export async function runReloads({ count, seed, progress }: LongRunRequest): Promise<LongRunResult> {
  const scene = await openScene();
  try {
    const run = new Run(scene, seed);
    const figures: Record<string, number | string> = {};
    for (const [index, kind] of scene.kinds.entries()) {
      const started = performance.now();
      const { accepted, rejected } = await run.kind(kind, {
        count,
        progress: (done) => progress(Math.round((index * count + done) / scene.kinds.length)),
      });
      const seconds = ((performance.now() - started) / 1_000).toFixed(0);
      figures[kind.name] = `${count}: ${rejected} rejected, ${accepted} accepted, ${seconds} s`;
    }
    figures['sessions alive'] = scene.proxy.streams.sessions;
    if (scene.proxy.streams.sessions !== scene.clients.length) run.failures.push('a session ended');
    figures['error codes seen'] = run.codes.size;
    return { figures, failures: run.failures };
  } finally {
    await scene.close();
  }
}

export const longRun: LongRun = {
  name: 'reloads',
  summary: 'mutated policies, profiles, certificates and keys through the reload of a live proxy',
  unit: 'mutated files of each kind',
  count: 20_000,
  run: runReloads,
};
