/** Finds a domain's XMPP service (RFC 6120 §3.2.1, XEP-0368 §3, RFC 2782). */
import { lookup } from 'node:dns';
import { Resolver as DnsResolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { systemCode } from './error.ts';

/** One endpoint to try. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: 'direct' | 'starttls';
}

/** One SRV record, as `node:dns` has it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Resolves names. */
export interface Resolver {
  /** Returns the records. Rejects like `node:dns`: ENOTFOUND or ENODATA when there are none. */
  resolveSrv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
  /** Resolves the addresses of a host. */
  readonly lookup: LookupFunction;
}

/** The system's resolver: SRV from its DNS servers, addresses as other programs find them.
 *  @param servers DNS servers for SRV in their place, `address` or `address:port` */
export function systemResolver({ servers }: { readonly servers?: readonly string[] } = {}): Resolver {
  return {
    lookup,
    async resolveSrv(name, signal) {
      const resolver = new DnsResolver();
      if (servers !== undefined) resolver.setServers(servers);
      const cancel = (): void => resolver.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return await resolver.resolveSrv(name);
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
  };
}

type Answer =
  | { readonly kind: 'records'; readonly records: readonly SrvRecord[] }
  /** The only record has the target `.`: the service is not available at this domain. */
  | { readonly kind: 'not-offered' }
  /** No records, or no answer. */
  | { readonly kind: 'none' };

/** Returns the endpoints of a domain in the order to try them; none when it declares that it has none.
 *
 *  Direct TLS and STARTTLS records are one set (XEP-0368 §3). A domain without records is tried itself, on port 5222
 *  (RFC 6120 §3.2.2). A failing resolver counts as one without records, as the RFC requires. Security does not depend
 *  on it, since the certificate is checked against the domain.
 *  @param random returns a number in [0, 1), for the weights */
export async function endpointsOf(
  domain: string,
  resolver: Resolver,
  random: () => number,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  const [direct, starttls] = await Promise.all([
    ask(`_xmpps-client._tcp.${domain}`, resolver, signal),
    ask(`_xmpp-client._tcp.${domain}`, resolver, signal),
  ]);
  const records = [...tagged(direct, 'direct'), ...tagged(starttls, 'starttls')];
  if (records.length > 0)
    return orderRecords(records, random).map(({ name, port, tls }) => ({ host: name, port, tls }));
  return starttls.kind === 'not-offered' ? [] : [{ host: domain, port: 5222, tls: 'starttls' }];
}

function tagged(answer: Answer, tls: Endpoint['tls']): (SrvRecord & { readonly tls: Endpoint['tls'] })[] {
  return answer.kind === 'records' ? answer.records.map((record) => ({ ...record, tls })) : [];
}

async function ask(name: string, resolver: Resolver, signal: AbortSignal): Promise<Answer> {
  try {
    const answer = await resolver.resolveSrv(name, signal);
    const records = answer.filter((record) => !isRoot(record.name));
    if (records.length > 0) return { kind: 'records', records };
    return { kind: answer.length > 0 ? 'not-offered' : 'none' };
  } catch (error) {
    signal.throwIfAborted();
    // An error without a code is a defect, not an answer.
    if (systemCode(error) === 'unknown') throw error;
    return { kind: 'none' };
  }
}

function isRoot(name: string): boolean {
  return name === '' || name === '.';
}

/** Orders records (RFC 2782): by priority, lowest first; within one priority at random in proportion to the weights, so
 *  that load is shared and every record is tried once.
 *  @param random returns a number in [0, 1) */
export function orderRecords<T extends { readonly priority: number; readonly weight: number }>(
  records: readonly T[],
  random: () => number,
): T[] {
  const priorities = [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    draw(
      records.filter((record) => record.priority === priority),
      random,
    ),
  );
}

function draw<T extends { readonly weight: number }>(records: readonly T[], random: () => number): T[] {
  // Records of weight 0 come first, so that they have a small chance and not none.
  const left = records.toSorted((a, b) => Number(a.weight > 0) - Number(b.weight > 0));
  const drawn: T[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, record) => sum + record.weight, 0);
    const mark = Math.floor(random() * (total + 1));
    let sum = 0;
    const index = left.findIndex((record) => (sum += record.weight) >= mark);
    drawn.push(...left.splice(index, 1));
  }
  return drawn;
}
