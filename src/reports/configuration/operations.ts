/** What the people see who run the proxy, and what replicas share. */
import type { Setting } from './setting.ts';
import type { Deployment } from './surroundings.ts';

export function operationSettings({ config, source }: Deployment): readonly Setting[] {
  const { log, admin, tracing, ledger, replicas } = config;
  const also = admin.addresses.length === 0 ? '' : `, and ${admin.addresses.join(', ')}`;
  return [
    {
      about: 'log',
      says: `Events of the level ${log.level} and above: counts, closed words and names of the configuration.`,
      source: source(['log', 'level']),
    },
    {
      about: 'metrics',
      says: `Counts at port ${admin.port} of ${admin.host}, for every caller that reaches it.`,
      source: source(['admin', 'host']),
    },
    {
      about: 'API',
      says: `It answers this machine${also}.`,
      source: source(['admin', 'addresses']),
    },
    {
      about: 'traces',
      says:
        tracing.otlpEndpoint === undefined
          ? 'Nothing is traced.'
          : `${tracing.otlpEndpoint} receives spans with counts and closed words.`,
      source: source(['tracing', 'otlpEndpoint']),
    },
    {
      about: 'ledger',
      says:
        ledger === undefined
          ? 'No record is kept of what each audience was shown.'
          : 'A signed record of counts is kept of what each audience was shown.',
      source: source(['ledger']),
    },
    {
      about: 'replicas',
      says: `${replicas} ${replicas === 1 ? 'process serves' : 'processes serve'} this configuration.`,
      source: source(['replicas']),
    },
  ];
}
