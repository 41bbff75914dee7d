/** The records of each party in order: the evidence for the story's statements. */
import type { EnlistmentRecord } from '../gatekeeper/enlistment-api.ts';
import type { PartnerExchange, TokenRecord } from '../gatekeeper/partner-services.ts';
import type { PushNotification, PushOutcome } from '../gatekeeper/push-sender.ts';
import { header, type HttpExchange } from '../http/message.ts';
import type { AttestationRecord, StanzaRecord } from '../server/options.ts';
import { romeo } from './cast.ts';

export interface GatekeeperRecords {
  /** Stanzas, nonzas and headers of every stream, in both directions. */
  readonly stream: StanzaRecord[];
  readonly http: { readonly through: PartnerExchange; readonly exchange: HttpExchange }[];
  readonly attestations: AttestationRecord[];
  readonly tokens: TokenRecord[];
  readonly enlistments: EnlistmentRecord[];
  readonly pushes: { readonly notification: PushNotification; readonly outcome: PushOutcome }[];
}

export interface Records {
  readonly gatekeeper: GatekeeperRecords;
  readonly provider: { readonly http: HttpExchange[] };
}

export function createRecords(): Records {
  return {
    gatekeeper: { stream: [], http: [], attestations: [], tokens: [], enlistments: [], pushes: [] },
    provider: { http: [] },
  };
}

/** Returns every byte that the gatekeeper received through the intermediary, as text: streams, requests to its
 *  services, and answers to its calls. Romeo's own stream and requests are left out. */
export function receivedByGatekeeper({ gatekeeper }: Records): string {
  const own = ownConnections(gatekeeper);
  const stream = gatekeeper.stream
    .filter(({ direction, connectionId }) => direction === 'received' && !own.has(connectionId))
    .map(({ xml }) => xml);
  const http = gatekeeper.http.map(({ through, exchange: { request, answer } }) => {
    if (through === 'media-proxy') return '';
    return through === 'enlistment' ? requestText(request) : textOf(answer);
  });
  return [...stream, ...http].join('\n');
}

/** Returns the connections of the gatekeeper's own app. */
export function ownConnections({ stream }: GatekeeperRecords): ReadonlySet<number> {
  const own = stream.filter(({ jid }) => jid?.startsWith(`${romeo.username}@`));
  return new Set(own.map(({ connectionId }) => connectionId));
}

/** Returns every request that the provider received from the intermediary. Requests of its own users have their
 *  password, and are left out. */
export function receivedByProvider({ provider }: Pick<Records, 'provider'>): string {
  return provider.http
    .filter(({ request }) => header(request, 'authorization')?.startsWith('Basic ') !== true)
    .map(({ request }) => requestText(request))
    .join('\n');
}

function requestText(request: HttpExchange['request']): string {
  return `${request.method} ${request.target}\n${textOf(request)}`;
}

function textOf({ headers, body }: HttpExchange['request'] | HttpExchange['answer']): string {
  return [...headers.map(([name, value]) => `${name}: ${value}`), body.toString('latin1')].join('\n');
}
