/** What is kept of users, where and how long. */
import type { Config } from '../../config/schema.ts';
import { durationInWords } from '../duration.ts';
import type { SettingSource } from './setting.ts';
import type { Deployment } from './surroundings.ts';

/** Something that is kept. */
export interface Kept {
  readonly what: string;
  /** Whether it comes from users, rather than counting what was decided. */
  readonly ofUsers: boolean;
  /** `nowhere`: it exists while it is passed on, and not after. */
  readonly where: 'nowhere' | 'memory' | 'disk';
  /** How long at most, or how much. */
  readonly bound: string;
  /** `file:line`, a default, or the test that shows it. */
  readonly source: string;
}

/** How long support codes are kept (docs/support-codes.md). */
const supportCodeMinutes = 16;

export function keptUnder({ config, source }: Deployment): readonly Kept[] {
  return [
    {
      what: 'messages, presence and queries',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until they are passed on or the session ends',
      source: 'test/system/canaries/operator.test.ts',
    },
    {
      what: 'pseudonyms',
      ofUsers: true,
      where: 'nowhere',
      bound: 'computed each time; no table of them is kept',
      source: 'docs/decisions/0024-pseudonyms-are-siv-over-sha-256.md',
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
    ...keptForHttp(config, source),
    ledgerKept(config, source),
  ];
}

function keptForHttp({ http, provider }: Config, source: SettingSource): readonly Kept[] {
  if (http === undefined) return [];
  const { idempotencyWindowMs, noncesMax, pushDeliveredMs } = http.limits;
  return [
    {
      what: 'notifications of pushes',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until the provider has them',
      source: 'test/system/http-plane.test.ts',
    },
    {
      what: 'files',
      ofUsers: true,
      where: 'nowhere',
      bound: 'until they are passed on',
      source: 'docs/decisions/0015-media-bytes-bypass-the-http-parser.md',
    },
    {
      what: 'digests of delivered notifications',
      ofUsers: true,
      where: 'memory',
      bound: durationInWords(pushDeliveredMs),
      source: source(['http', 'limits', 'pushDeliveredMs']),
    },
    {
      what: 'sealed answers to requests for opting in',
      ofUsers: true,
      where: 'memory',
      bound: durationInWords(idempotencyWindowMs),
      source: source(['http', 'limits', 'idempotencyWindowMs']),
    },
    {
      what: 'nonces of ownership tokens',
      ofUsers: true,
      where: 'memory',
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
  return kept.some(({ where, ofUsers }) => where === 'disk' && ofUsers);
}
