/** What is kept of users, where and how long. */
import type { Config } from '../../config/schema.ts';
import { durationInWords } from '../duration.ts';
import type { SettingSource } from './setting.ts';
import type { Deployment } from './surroundings.ts';

export type KeptAt = 'nowhere' | 'memory' | 'store' | 'disk';

/** Something that is kept. */
export interface Kept {
  readonly what: string;
  /** Whether it comes from users, rather than counting what was decided. */
  readonly ofUsers: boolean;
  /** `nowhere`: it exists while it is passed on, and not after. `store`: sealed, in a store that replicas share. */
  readonly where: KeptAt;
  /** How long at most, or how much. */
  readonly bound: string;
  /** `file:line`, a default, or the test that shows it. */
  readonly source: string;
}

/** How long support codes are kept (docs/support-codes.md). */
const supportCodeMinutes = 16;

/** How long the counts of an ended stream are kept, in milliseconds: `resumptionMs` of stream management. */
export const sharedStreamMs = 3_600_000;

export function keptUnder({ config, source }: Deployment): readonly Kept[] {
  return [
    {
      what: 'messages, presence and queries',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until they are passed on or the session ends',
      source: 'test/system/http-plane.test.ts: is held to that',
    },
    {
      what: 'pseudonyms',
      ofUsers: true,
      where: 'nowhere',
      bound: 'computed each time; no table of them is kept',
      source: 'docs/decisions/0024-pseudonyms-are-siv-over-sha-256.md: Decision',
    },
    {
      what: 'counts of streams that can be resumed (XEP-0198)',
      ofUsers: true,
      where: 'memory',
      bound: `${config.limits.resumptionsMax} streams`,
      source: source(['limits', 'resumptionsMax']),
    },
    {
      what: 'support codes of refused clients, without address or account',
      ofUsers: true,
      where: 'memory',
      bound: `${supportCodeMinutes} minutes, ${config.limits.refusalsMax} codes`,
      source: source(['limits', 'refusalsMax']),
    },
    ...sharedStreams(config, source),
    ...keptForHttp(config, source),
    ledgerKept(config, source),
  ];
}

function sharedStreams({ state }: Config, source: SettingSource): readonly Kept[] {
  if (state === undefined) return [];
  return [
    {
      what: 'accounts, resources and counts of streams that can be resumed',
      ofUsers: true,
      where: 'store',
      bound: `${durationInWords(sharedStreamMs)} after the last write`,
      source: source(['state']),
    },
  ];
}

function keptForHttp({ http, provider, state }: Config, source: SettingSource): readonly Kept[] {
  if (http === undefined) return [];
  const where = state === undefined ? 'memory' : 'store';
  const { idempotencyWindowMs, noncesMax, pushDeliveredMs } = http.limits;
  return [
    {
      what: 'notifications of pushes',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until the provider has them',
      source: 'test/system/http-plane.test.ts: keeps no push while the provider is down',
    },
    {
      what: 'files',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until they are passed on',
      source: 'docs/decisions/0015-media-bytes-bypass-the-http-parser.md: Decision',
    },
    {
      what: 'digests of delivered notifications',
      ofUsers: true,
      where,
      bound: durationInWords(pushDeliveredMs),
      source: source(['http', 'limits', 'pushDeliveredMs']),
    },
    {
      what: 'sealed answers to requests for opting in',
      ofUsers: true,
      where,
      bound: durationInWords(idempotencyWindowMs),
      source: source(['http', 'limits', 'idempotencyWindowMs']),
    },
    {
      what: 'nonces of ownership tokens',
      ofUsers: true,
      where,
      bound: `as long as the token is valid (${durationInWords(provider?.lifetimeMs ?? 0)}), ${noncesMax} nonces`,
      source: source(['http', 'limits', 'noncesMax']),
    },
  ];
}

function ledgerKept({ ledger }: Config, source: SettingSource): Kept {
  const what = 'counts by field, audience and treatment, without a value or a user';
  if (ledger === undefined)
    return {
      what,
      ofUsers: false,
      where: 'memory',
      bound: 'until the process ends',
      source: source(['ledger']),
    };
  const bound = durationInWords(ledger.keepMsMax);
  return { what, ofUsers: false, where: 'disk', bound, source: source(['ledger', 'keepMsMax']) };
}

/** Whether something that comes from a user outlives the process. */
export function keepsUserData(kept: readonly Kept[]): boolean {
  return kept.some(({ where, ofUsers }) => (where === 'disk' || where === 'store') && ofUsers);
}
