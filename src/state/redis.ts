/** Connections to Redis or Valkey. The only file that uses `@redis/client`, which is loaded with the first connection. */
import type { SecureContext } from 'node:tls';
import { RefusedByServer, type RecordServer } from './link.ts';

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  /** Index of the database. */
  readonly database: number;
  /** Returns what to make TLS with; undefined for a connection in clear text. */
  readonly secureContext: (() => SecureContext) | undefined;
  readonly username: string | undefined;
  /** Returns the password; undefined for a server without users. */
  readonly password: (() => string) | undefined;
  readonly connectTimeoutMs: number;
  /** Commands that may wait for an answer at once. */
  readonly commandsMax: number;
}

/** Makes a connection.
 *  @throws RefusedByServer, or the error of the connection */
export async function connectRedis(target: RedisTarget, signal: AbortSignal): Promise<RecordServer> {
  const { createClient, ErrorReply, RESP_TYPES } = await import('@redis/client');
  const { username, password, database, commandsMax } = target;
  const client = createClient({
    // Without this a client asks the server for messages about its maintenance, and tells it its own version.
    maintNotifications: 'disabled',
    disableClientInfo: true,
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: commandsMax,
    database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password() }),
    socket: socketOptions(target),
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  client.on('error', () => resolve());
  client.on('end', () => resolve());
  const close = (): void => {
    resolve();
    if (client.isOpen) client.destroy();
  };
  signal.addEventListener('abort', close);
  try {
    await client.connect();
  } catch (error) {
    close();
    throw error instanceof ErrorReply ? new RefusedByServer() : error;
  } finally {
    signal.removeEventListener('abort', close);
  }
  signal.throwIfAborted();
  const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    ended,
    close,
    get: (key) => binary.get(key),
    set: (key, value, ttlMs) => client.set(key, value, { expiration: { type: 'PX', value: ttlMs } }),
    setIfAbsent: async (key, value, ttlMs) =>
      (await client.set(key, value, { condition: 'NX', expiration: { type: 'PX', value: ttlMs } })) !== null,
    delete: (keys) => client.del([...keys]),
    async ping() {
      try {
        return await client.ping();
      } catch (error) {
        throw error instanceof ErrorReply ? new RefusedByServer() : error;
      }
    },
  };
}

/** Options of the socket. The link above makes each new connection itself. */
function socketOptions({ host, port, secureContext, connectTimeoutMs }: RedisTarget) {
  const common = { host, port, connectTimeout: connectTimeoutMs, reconnectStrategy: false as const };
  if (secureContext === undefined) return common;
  return { ...common, tls: true as const, secureContext: secureContext(), minVersion: 'TLSv1.2' as const };
}
