/** What the gatekeepers get of a client's connection, and what clients advertise of themselves. */
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Config, GatekeeperConfig, ListenerConfig } from '../../config/schema.ts';
import type { Setting, SettingSource } from './setting.ts';
import type { Deployment } from './surroundings.ts';
import { profileSource, type ProfileFile, type View } from './views.ts';

export function connectionSettings({ config, source }: Deployment): readonly Setting[] {
  return [
    ...config.gatekeepers.flatMap((gatekeeper, index) =>
      gatekeeperSettings(config, gatekeeper, index, source),
    ),
    ...captureSettings(config, source),
    ...config.listeners.map((listener, index) => listenerSetting(listener, source(['listeners', index]))),
  ];
}

function gatekeeperSettings(
  { signals }: Config,
  { name, attestation, channelBinding }: GatekeeperConfig,
  index: number,
  source: SettingSource,
): readonly Setting[] {
  const about = `gatekeeper ${name}`;
  const at = (key: string): string => source(['gatekeepers', index, key]);
  const login = {
    about,
    gatekeeper: name,
    says:
      channelBinding === 'reauthenticate'
        ? 'Clients authenticate to the proxy by a token of the provider. The gatekeeper receives this token.'
        : 'Clients authenticate to the gatekeeper. The proxy passes the exchange on.',
    source: at('channelBinding'),
  };
  if (attestation === undefined || signals === undefined)
    return [
      {
        about,
        gatekeeper: name,
        says: 'It sees the address of the proxy, and gets no statement about the connections of clients.',
        source: attestation === undefined ? at('attestation') : source(['signals']),
      },
      login,
    ];
  const { carriers, required, audience } = attestation;
  const ways = [
    ...(carriers.stream === undefined ? [] : ['an element in the stream']),
    ...(carriers.proxyProtocol === undefined ? [] : [`a PROXY header (${carriers.proxyProtocol.profile})`]),
    ...(carriers.http === undefined ? [] : ['a header of HTTP requests']),
  ];
  return [
    {
      about,
      gatekeeper: name,
      says: `It gets signed statements about connections, made for ${audience}, in ${ways.join(', ')}.`,
      source: at('attestation'),
    },
    {
      about,
      gatekeeper: name,
      says: required
        ? 'Without such a statement there is no session.'
        : 'A session is served without such a statement, too.',
      source: source(['gatekeepers', index, 'attestation', 'required']),
    },
    login,
  ];
}

const captureWords = {
  syn: 'the packet that opened the connection',
  clientHello: 'the ClientHello of TLS',
  roundTrip: 'round-trip times',
} as const;

function captureSettings({ signals }: Config, source: SettingSource): readonly Setting[] {
  if (signals === undefined)
    return [{ about: 'capture', says: 'Nothing of a connection is captured.', source: source(['signals']) }];
  return Object.entries(captureWords).map(([key, words]) => ({
    about: 'capture',
    says: `The proxy ${signals.capture[key as keyof typeof captureWords] ? 'looks' : 'does not look'} at ${words}.`,
    source: source(['signals', 'capture', key]),
  }));
}

function listenerSetting({ name, tls, proxyProtocol }: ListenerConfig, source: string): Setting {
  const from =
    proxyProtocol === undefined
      ? 'Clients connect to it directly'
      : `Load balancers in ${proxyProtocol.trusted.join(', ')} say what the address of a client is`;
  const encryption = tls === 'direct' ? 'from the first byte' : 'by STARTTLS, before anything else';
  return { about: `listener ${name}`, says: `${from}. It is encrypted ${encryption}.`, source };
}

/** Returns what the clients of each view advertise. */
export function capabilitySettings(views: readonly View[], { source }: Deployment): readonly Setting[] {
  if (views.every(({ profiles }) => profiles.length === 0))
    return [
      {
        about: 'all clients',
        says: 'There is no capability profile: clients advertise themselves, as the policy lets them.',
        source: source(['capabilities']),
      },
    ];
  const profiles = new Map(views.flatMap((view) => view.profiles).map((each) => [each.file, each]));
  const without = views.filter((view) => view.profiles.length === 0).map(({ gatekeeper }) => gatekeeper);
  return [
    ...[...profiles.values()].flatMap((each) => profileSettings(each)),
    ...[...new Set(without)].map((gatekeeper) => ({
      about: `gatekeeper ${gatekeeper}`,
      gatekeeper,
      says: 'There is no capability profile for it: clients advertise themselves, as the policy lets them.',
      source: source(['capabilities']),
    })),
  ];
}

function profileSettings({ profile, file }: ProfileFile): readonly Setting[] {
  const about = `profile ${profile.name}`;
  const source = profileSource({ file });
  const { identity, receives, cohort, contacts } = profile;
  const says = [
    `It is for ${clientsOf(profile)}.`,
    `The gatekeeper and contacts see the identity ${identity.category}/${identity.type}${identity.name === '' ? '' : ` "${identity.name}"`}.`,
    `${receives.size} kinds of content are received: ${[...receives.keys()].join(', ') || 'none'}.`,
    cohort
      ? 'Every client of it advertises the same bytes.'
      : 'Clients of it differ by what they declare, cut down to the profile.',
    contacts === 'filter'
      ? 'What contacts advertise reaches a client cut down to these kinds.'
      : 'What contacts advertise reaches a client as it is.',
  ];
  return says.map((text) => ({ about, says: text, source }));
}

function clientsOf({ match }: CapabilityProfile): string {
  if (match === undefined) return 'clients that no other profile is for';
  const { identityType, listener, domain, claims } = match;
  return [
    ...(identityType === undefined ? [] : [`clients whose identity has the type ${identityType}`]),
    ...(listener === undefined ? [] : [`clients at the listener ${listener}`]),
    ...(domain === undefined ? [] : [`clients of the domain ${domain}`]),
    ...[...claims].map(([name, value]) => `clients whose claim ${name} is ${JSON.stringify(value)}`),
  ].join(', and ');
}
