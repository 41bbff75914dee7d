/** Who receives what over HTTP: opting in, push and media. */
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { durationInWords } from '../duration.ts';
import type { Setting, SettingSource } from './setting.ts';
import type { Deployment } from './surroundings.ts';

export function serviceSettings({ config, source }: Deployment): readonly Setting[] {
  if (config.http === undefined)
    return [
      {
        about: 'HTTP port',
        says: 'It is not open: no opting in, no push and no media pass the proxy.',
        source: source(['http']),
      },
    ];
  return config.gatekeepers.flatMap((gatekeeper, index) =>
    [
      enlistmentSetting(gatekeeper, index, source),
      pushSetting(config, gatekeeper, index, source),
      ...mediaSettings(config, gatekeeper, index, source),
    ].map((setting) => ({ ...setting, gatekeeper: gatekeeper.name })),
  );
}

function enlistmentSetting(
  { name, enlistment }: GatekeeperConfig,
  index: number,
  source: SettingSource,
): Setting {
  const about = `opting in at ${name}`;
  const at = source(['gatekeepers', index, 'enlistment']);
  if (enlistment === undefined) return { about, says: 'Users do not opt in through the proxy.', source: at };
  const where = enlistment.regions === undefined ? 'anywhere' : enlistment.regions.join(', ');
  return {
    about,
    says: `It receives the ownership token and the header fields that the policy leaves. Users may opt in from ${where}.`,
    source: at,
  };
}

function pushSetting(
  { provider }: Config,
  { name, push }: GatekeeperConfig,
  index: number,
  source: SettingSource,
): Setting {
  const about = `push from ${name}`;
  if (push === undefined || provider?.push === undefined)
    return {
      about,
      says: 'Notifications do not pass the proxy.',
      source: source(push === undefined ? ['gatekeepers', index, 'push'] : ['provider', 'push']),
    };
  return {
    about,
    says: `${provider.push.url} receives the members of a notification that the policy leaves.`,
    source: source(['provider', 'push']),
  };
}

function mediaSettings(
  { provider }: Config,
  { name, media }: GatekeeperConfig,
  index: number,
  source: SettingSource,
): readonly Setting[] {
  const about = `media, ${name}`;
  const at = source(['gatekeepers', index, 'media']);
  if (media === undefined || provider?.media === undefined)
    return [
      {
        about,
        says: 'Media do not pass the proxy.',
        source: media === undefined ? at : source(['provider']),
      },
    ];
  const { hosts, tokenLifetimeMs, references } = provider.media;
  const caller =
    media.certFile === undefined && media.addresses === undefined
      ? 'Any holder of a sealed address'
      : 'Its media proxy, which is recognised,';
  return [
    {
      about,
      says: `${caller} fetches files of ${hosts.join(', ')} through the proxy, which sees no header of the caller.`,
      source: at,
    },
    {
      about,
      says: `A sealed address opens for ${durationInWords(tokenLifetimeMs)}.`,
      source: source(['provider', 'media', 'tokenLifetimeMs']),
    },
    ...(references === undefined
      ? []
      : [
          {
            about,
            says: `The provider asks for references to files, which open for ${durationInWords(references.lifetimeMs)}.`,
            source: source(['provider', 'media', 'references']),
          },
        ]),
    ...(media.hosts.length === 0
      ? []
      : [
          {
            about,
            says: `Clients fetch files of ${media.hosts.join(', ')} through the proxy, where the policy seals addresses for them.`,
            source: source(['gatekeepers', index, 'media', 'hosts']),
          },
        ]),
  ];
}
