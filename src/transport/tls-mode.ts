/** Finds out whether a gatekeeper uses the other TLS mode than configured. The failure does not show it: a TLS
 *  server closes a stream in clear text silently, and bytes in place of a ServerHello are lost. So one more
 *  connection to the same endpoint is made in the other mode, and closed. It shows network observers the domain, as
 *  the SNI of the first one did. Results are cached, so that clients cannot double the load of a gatekeeper. */
import { ns } from '../stanza/namespaces.ts';
import { withDeadline } from './deadline.ts';
import type { Endpoint } from './srv.ts';

/** Tries an endpoint in its mode. Rejects when it does not have it. */
export type TryMode = (endpoint: Endpoint, signal: AbortSignal) => Promise<void>;

export interface TlsModeProbeOptions {
  /** Milliseconds for one probe. Default 2,000. */
  readonly probeTimeoutMs?: number;
  /** Milliseconds for which a result is used without another probe. Default one minute. */
  readonly findingMs?: number;
  /** Most results that are cached; the oldest is dropped first. Default 64. */
  readonly findingsMax?: number;
  /** Returns milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Finding {
  readonly at: number;
  readonly otherMode: Promise<boolean>;
}

export class TlsModeProbe {
  readonly #options: Required<TlsModeProbeOptions>;
  readonly #findings = new Map<string, Finding>();

  constructor({
    probeTimeoutMs = 2_000,
    findingMs = 60_000,
    findingsMax = 64,
    now = () => performance.now(),
  }: TlsModeProbeOptions = {}) {
    this.#options = { probeTimeoutMs, findingMs, findingsMax, now };
  }

  /** Resolves with whether the endpoint speaks the other mode than `endpoint.tls`; false when it does not answer in time.
   *  Never rejects.
   *  @param tryOther tries the endpoint in the other mode */
  speaksOther(endpoint: Endpoint, tryOther: TryMode): Promise<boolean> {
    const { findingMs, findingsMax, now } = this.#options;
    const key = `${endpoint.tls} ${endpoint.port} ${endpoint.host}`;
    const known = this.#findings.get(key);
    if (known !== undefined && now() - known.at < findingMs) return known.otherMode;
    this.#findings.delete(key);
    const otherMode = this.#probe(endpoint, tryOther);
    this.#findings.set(key, { at: now(), otherMode });
    const [oldest] = this.#findings.keys();
    if (this.#findings.size > findingsMax) this.#findings.delete(oldest!);
    return otherMode;
  }

  #probe(endpoint: Endpoint, tryOther: TryMode): Promise<boolean> {
    const other: Endpoint = { ...endpoint, tls: endpoint.tls === 'direct' ? 'starttls' : 'direct' };
    return withDeadline(this.#options.probeTimeoutMs, undefined, (signal) => tryOther(other, signal)).then(
      () => true,
      () => false,
    );
  }
}

/** Most bytes of an answer to a stream header that are read. */
const answerBytesMax = 8_192;

/** Reads the answer to a stream header until it offers STARTTLS. Its XML is not checked: the result is only a remedy,
 *  and no connection depends on it.
 *  @throws Error when the answer ends or exceeds the limit before; the signal's reason */
export function untilStartTlsOffered(
  socket: NodeJS.ReadableStream & { destroy(): unknown },
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let answer = '';
  const settle = (error?: Error): void => {
    signal.removeEventListener('abort', aborted);
    if (error === undefined) resolve();
    else reject(error);
  };
  const aborted = (): void => settle(signal.reason as Error);
  const ended = (): void => settle(new Error('no STARTTLS was offered'));
  signal.addEventListener('abort', aborted, { once: true });
  socket.on('end', ended).on('close', ended).on('error', ended);
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    if (answer.includes(ns.tls)) settle();
    else if (answer.length > answerBytesMax) ended();
  });
  return promise;
}
