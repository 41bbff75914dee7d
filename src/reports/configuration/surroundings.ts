/** Fields whose appearance a view's profiles or the configuration decide, whatever the policy says. */
import { decidedByProfile } from '../../capabilities/decided-fields.ts';
import type { Config } from '../../config/schema.ts';
import { concerns, formsOf, type Catalogue } from '../../policy/catalogue.ts';
import { treatmentOf, type Policy } from '../../policy/policy.ts';
import type { Surrounding } from '../exposure.ts';
import type { SettingSource } from './setting.ts';
import { profileSource, type View } from './views.ts';

export interface Deployment {
  readonly config: Config;
  readonly source: SettingSource;
}

export function surroundingsOf(
  deployment: Deployment,
  view: View,
  catalogue: Catalogue,
): readonly Surrounding[] {
  return [
    ...protocolSurroundings(deployment, view, catalogue),
    ...capabilitySurroundings(view),
    ...connectionSurroundings(deployment, view),
    ...httpSurroundings(deployment, view),
  ];
}

/** Fields of stanzas that the protocol of the gatekeeper does not have reach neither side. */
function protocolSurroundings(
  { config, source }: Deployment,
  { index }: View,
  catalogue: Catalogue,
): readonly Surrounding[] {
  const { protocol } = config.gatekeepers[index]!;
  const words = `not sent: no stanza of ${protocol} has it`;
  const at = source(['gatekeepers', index, 'protocol']);
  return [...catalogue.fields.values()]
    .filter(({ where }) => where === 'stanza')
    .flatMap(({ name }) => {
      const forms = formsOf(catalogue, name).filter((form) => form.protocol === protocol);
      return (['gatekeeper', 'client'] as const)
        .filter((audience) => !forms.some((form) => concerns(form, audience)))
        .map((audience) => absent(name, words, at, audience));
    });
}

/** Returns how a client's declarations are treated. They reach the gatekeeper as its profile says; its forms never do. */
function capabilitySurroundings({ profiles }: View): readonly Surrounding[] {
  if (profiles.length === 0) return [];
  const names = profiles.map(({ profile }) => profile.name).join(', ');
  const declared = profiles.filter(({ profile }) => !profile.cohort);
  const of = (field: string, treatment: Surrounding['treatment'], words: string): Surrounding => ({
    field,
    audience: 'gatekeeper',
    treatment,
    words,
    why: 'a capability profile decides it, whatever the policy says',
    source: profileSource(profiles[0]!),
    decidedBy: 'profile',
  });
  const replaced = `replace by what the profile says: ${names}`;
  return [
    ...decidedByProfile.map((field) => {
      if (field === 'disco.software-info') return of(field, 'drop', 'drop: a profile has no such form');
      const isDeclared = declared.length > 0 && declaredFields.has(field);
      if (!isDeclared) return of(field, 'replace', replaced);
      const which = declared.map(({ profile }) => profile.name).join(', ');
      return {
        ...of(field, 'coarsen', `what the client declares, cut down to the profile, under ${which}`),
        source: profileSource(declared[0]!),
      };
    }),
    of('answer.disco-info', 'answer', `answered by the proxy from the profile: ${names}`),
  ];
}

/** Fields that depend on what the client declares where its profile is no cohort. */
const declaredFields: ReadonlySet<string> = new Set(['caps.hash', 'disco.features', 'disco.interests']);

/** Signals of the connection are in attestations and in PROXY headers, and in nothing else that the gatekeeper receives. */
function connectionSurroundings({ config, source }: Deployment, view: View): readonly Surrounding[] {
  const { attestation } = config.gatekeepers[view.index]!;
  const ticket = absent(
    'conn.session-ticket',
    'not sent: TLS of the client ends at the proxy, which gives no tickets',
    'test/transport/server-tls.test.ts: resumes %s sessions only when configured',
  );
  const { signals } = config;
  if (attestation === undefined || signals === undefined) {
    const at = source(attestation === undefined ? ['gatekeepers', view.index, 'attestation'] : ['signals']);
    const words = 'not sent: the gatekeeper gets no attestation';
    return [ticket, ...signalFields.map((field) => absent(field, words, at))];
  }
  const seen = Object.entries(captured).flatMap(([field, capture]) =>
    signals.capture[capture] ? [] : [absent(field, 'not looked at', source(['signals', 'capture', capture]))],
  );
  if (attestation.carriers.proxyProtocol !== undefined) return [ticket, ...seen];
  const carriers = source(['gatekeepers', view.index, 'attestation', 'carriers']);
  return [ticket, ...seen, absent('conn.client-port', 'not sent: only a PROXY header has it', carriers)];
}

function absent(
  field: string,
  words: string,
  source: string,
  audience: Surrounding['audience'] = 'gatekeeper',
): Surrounding {
  return { field, audience, treatment: 'absent', words, why: '', source, decidedBy: 'configuration' };
}

const captured = {
  'conn.tcp-fingerprint': 'syn',
  'conn.tls-fingerprint': 'clientHello',
  'conn.round-trip': 'roundTrip',
} as const;

const signalFields = ['conn.client-ip', 'conn.client-port', ...Object.keys(captured)];

const headerFields = [
  'http.user-agent',
  'http.origin',
  'http.cookie',
  'http.accept-language',
  'http.referer',
  'http.forwarded',
];

const notificationFields = ['push.recipient', 'push.id', 'push.sender', 'push.body', 'push.count'];

/** Parts of the HTTP port that are not configured have no route. */
function httpSurroundings({ config, source }: Deployment, { index, policy }: View): readonly Surrounding[] {
  const { enlistment, push, media } = config.gatekeepers[index]!;
  const { http, provider } = config;
  const at = (section: string): string =>
    source(http === undefined ? ['http'] : ['gatekeepers', index, section]);
  const opens = http !== undefined;
  const servesMedia = opens && provider?.media !== undefined;
  return [
    ...(opens && enlistment !== undefined
      ? []
      : headerFields.map((field) =>
          absent(field, 'not sent: no opting in through the proxy', at('enlistment')),
        )),
    ...(opens && push !== undefined && provider?.push !== undefined
      ? []
      : notificationFields.map((field) =>
          absent(field, 'not sent: no push through the proxy', at('push'), 'provider'),
        )),
    ...(servesMedia && media !== undefined
      ? []
      : [absent('media.fetch', 'not sent: no media through the proxy', at('media'), 'provider')]),
    ...(servesMedia && (media?.hosts.length ?? 0) > 0
      ? []
      : [absent('media.fetch', 'not sent: no media through the proxy', at('media'))]),
    ...(servesMedia ? [] : unsealedAddresses(policy, source(['provider', 'media']))),
  ];
}

const mediaField = 'content.media-url';

/** Returns, for each audience that a policy seals media addresses for, that they are kept: without media servers they
 *  cannot be sealed. */
function unsealedAddresses(policy: Policy, source: string): readonly Surrounding[] {
  return (['gatekeeper', 'client'] as const)
    .filter((audience) => treatmentOf(policy, audience, mediaField).treatment.kind === 'pseudonymise')
    .map((audience) => ({
      field: mediaField,
      audience,
      treatment: 'keep',
      words: 'keep: no media server is configured whose addresses could be sealed',
      why: '',
      source,
      decidedBy: 'configuration',
    }));
}
