/** The state that outlives requests and connections: in the memory of this process, or shared with the other replicas. */
import type { Config } from '../../config/schema.ts';
import { passwordOf, storeAddress } from '../../config/sections/state.ts';
import type { HttpLimits } from '../../http/limits.ts';
import { systemTimers } from '../../session/timers.ts';
import { FallbackStore } from '../../state/fallback-store.ts';
import { StoreLink } from '../../state/link.ts';
import { MemoryStore } from '../../state/memory-store.ts';
import { connectRedis, type RedisTarget } from '../../state/redis.ts';
import { SealedStore } from '../../state/sealed-store.ts';
import { RecordSeal, stateSecretBytesMin } from '../../state/sealing.ts';
import type { StateStore } from '../../state/store.ts';
import { Reloading } from '../../transport/reloading.ts';
import type { Clock } from '../clock.ts';
import type { FilesReport, ProxyObserver } from '../observer.ts';
import { assemble, type Part, type Parts } from '../part.ts';
import { unpredictable } from '../random.ts';
import { openCredentials } from './credentials.ts';

type StateSection = NonNullable<Config['state']>;

export interface State extends Part {
  readonly store: StateStore;
}

export interface StateOptions {
  /** Bounds on the records of the HTTP plane in memory. */
  readonly limits: HttpLimits;
  readonly observer: Pick<ProxyObserver, 'state' | 'certificates'>;
  readonly clock: Clock;
  /** Records of several processes on this machine, for a configuration that names no store. */
  readonly together?: StateStore | undefined;
}

/** Opens the store. A shared one that does not answer does not keep the proxy from starting.
 *  @throws SetupError when a file does not load */
export function openState(
  { state, limits: { resumptionsMax } }: Pick<Config, 'state' | 'limits'>,
  options: StateOptions,
): Promise<State> {
  const memory = memoryStore({ resumptionsMax }, options);
  return assemble(async (parts) => {
    if (state === undefined) return { store: options.together ?? memory };
    const shared = await openShared(state, options, parts);
    return { store: state.onStoreLost === 'continue' ? new FallbackStore(shared, memory) : shared };
  });
}

/** Makes a store in the memory of this process. */
export function memoryStore(
  { resumptionsMax }: Pick<Config['limits'], 'resumptionsMax'>,
  { limits, clock }: Pick<StateOptions, 'limits' | 'clock'>,
): MemoryStore {
  return new MemoryStore({
    recordsMax: {
      nonce: limits.noncesMax,
      answer: limits.idempotencyEntriesMax,
      push: limits.pushDeliveredMax,
      resumption: resumptionsMax,
    },
    now: clock.monotonic,
  });
}

async function openShared(
  { keyFiles, redis }: StateSection,
  { observer: { state: observer, certificates: files }, clock }: StateOptions,
  parts: Parts,
): Promise<StateStore> {
  const seals = parts.track(await openSeals(keyFiles, files));
  const target = await openTarget(redis, files, parts);
  const { timeoutMs, connectTimeoutMs, operationsMax, keyPrefix } = redis;
  const link = parts.track(
    new StoreLink({
      connect: (signal) => connectRedis(target, signal),
      limits: { timeoutMs, connectTimeoutMs, operationsMax },
      observer,
      now: clock.monotonic,
      schedule: systemTimers,
      random: unpredictable,
    }),
  );
  await link.start();
  return new SealedStore({ link, seals: () => seals.current, keyPrefix, observer });
}

function openSeals(
  keyFiles: readonly string[],
  report: FilesReport,
): Promise<Reloading<readonly [RecordSeal, ...RecordSeal[]]>> {
  return Reloading.open({
    name: 'state.keyFiles',
    files: keyFiles.map((path) => ({ role: 'secret', path, isPrivate: true })),
    encoding: 'latin1',
    report,
    build: (texts, refuse) => {
      texts.forEach((text, index) => text.length < stateSecretBytesMin && refuse(index));
      // Two files with one secret are one: a record under the second would be taken for another.
      const [first, ...others] = [...new Set(texts)].map(
        (text) => new RecordSeal(Buffer.from(text, 'latin1')),
      );
      return [first!, ...others];
    },
  });
}

async function openTarget(
  redis: StateSection['redis'],
  report: FilesReport,
  parts: Parts,
): Promise<RedisTarget> {
  const { url, username, passwordFile, connectTimeoutMs, operationsMax } = redis;
  const { isEncrypted, host, port, database } = storeAddress(url);
  const credentials = isEncrypted
    ? parts.track(await openCredentials('state', redis, report, 'state'))
    : undefined;
  const password =
    passwordFile === undefined ? undefined : parts.track(await openPassword(passwordFile, report));
  return {
    host,
    port,
    database,
    username,
    connectTimeoutMs,
    secureContext: credentials && (() => credentials.context()),
    password: password && (() => password.current),
    // A claim sends several commands.
    commandsMax: 4 * operationsMax,
  };
}

function openPassword(path: string, report: FilesReport): Promise<Reloading<string>> {
  return Reloading.open({
    name: 'state.redis.passwordFile',
    files: [{ role: 'secret', path, isPrivate: true }],
    report,
    build: ([text = ''], refuse) => passwordOf(text) ?? refuse(0),
  });
}
