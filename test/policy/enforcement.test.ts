/** Every treatment of every field towards every audience is either carried out by something or refused by `check`:
 *  a rule that is read, reported as in force and then ignored would mislead its reviewer. */
import { describe, expect, it } from 'vitest';
import { httpPolicy } from '../../src/app/parts/http-policy.ts';
import { treatmentNames, type TreatmentName } from '../../src/minimisation/treatment.ts';
import { meetsHttp, type Field } from '../../src/policy/catalogue.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Enforcement } from '../../src/policy/enforcement.ts';
import { audienceNames } from '../../src/policy/schema.ts';
import { headerPolicy } from '../../src/session/policy/header-policy.ts';
import type { Phase } from '../../src/session/phase.ts';
import { policyStage } from '../../src/session/policy/policy-stage.ts';
import { signalRules, signalsUnder } from '../../src/session/signals/signal-policy.ts';
import type { StagePort } from '../../src/session/stage.ts';
import { clientIpSignal, type ConnectionSignals } from '../../src/signals/evidence.ts';
import { opposite, type Audience, type Direction } from '../../src/stanza/direction.ts';
import {
  catalogue,
  complaints,
  context,
  media,
  names,
  policyOf,
  policyText,
  pseudonyms,
  today,
  wire,
} from './fixtures.ts';

/** What an audience is shown of the field's example under a policy, in any form that can be compared. */
type Shown = (field: Field, policy: CompiledPolicy, direction: Direction, audience: Audience) => unknown;

const enforcing = (enforced: CompiledPolicy): Enforcement =>
  new Enforcement({ policies: () => ({ enforced, shadow: undefined }), decided: () => {} });
const clock = (): number => today;

/** As the data plane judges it: by the stage, in the phase in which such a stanza comes. */
const inStanzas: Shown = (field, policy, direction) => {
  const stanza = wire.parse(field.example, names);
  const phase: Phase = stanza.namespaceName(0).startsWith('urn:xmpp:sasl:')
    ? 'authenticating'
    : 'established';
  const stage = policyStage({
    enforcement: enforcing(policy),
    clock,
    random: () => 1,
  }).begin({ context: { ...context, phase, id: context.session } } as unknown as StagePort);
  const verdict = stage.judge(stanza, direction);
  if (verdict.kind !== 'forward') return verdict;
  const { edits = [], kind: _, ...options } = verdict;
  return { bytes: Buffer.from(wire.write(stanza, edits)).toString(), ...options };
};

const headerNames: Readonly<Record<string, string>> = {
  'stream.from': 'from',
  'stream.id': 'id',
  'stream.lang': 'xml:lang',
};

const inHeaders: Shown = (field, policy, direction) => {
  const name = headerNames[field.name];
  if (name === undefined) return undefined;
  const see = headerPolicy({ enforcement: enforcing(policy), clock });
  return see(new Map([[name, field.example]]), direction, { gatekeeper: 'gk' }).get(name) ?? 'nothing';
};

const seen: ConnectionSignals = {
  clientIp: clientIpSignal('192.0.2.77', 'edge'),
  tcpFingerprint: {
    kind: 'seen',
    value: { p0f: '4:64:0:*:mss*44,7:mss:df:0', distance: 1 },
    observedBy: 'edge',
  },
  tlsFingerprint: { kind: 'seen', value: { ja4: 't13d', ja4Stable: 't13d' }, observedBy: 'edge' },
  roundTrip: { kind: 'seen', value: { tcpMs: 25, tlsMs: 60 }, observedBy: 'edge' },
};

const ofConnections: Shown = (field, policy) => {
  // A ticket of the client's TLS ends at the proxy, which never resumes a session of its own (transport/dial.ts).
  if (field.name === 'conn.session-ticket') return policy.treatment('gatekeeper', field.name).kind;
  const { signals, necessities, tellsPort } = signalsUnder(
    signalRules(policy, { gatekeeper: 'gk', now: today }),
    seen,
  );
  const address = signals.clientIp.kind === 'seen' && signals.clientIp.value.address.reveal();
  return { address, roundTrip: signals.roundTrip, necessities, tellsPort };
};

const overHttp: Shown = (field, policy, _, audience) =>
  httpPolicy({ enforcement: enforcing(policy), clock }).apply(
    audience as 'gatekeeper' | 'provider',
    field.name,
    field.example,
    'gk',
  );

const shownBy: Readonly<Record<Field['where'], Shown>> = {
  stanza: inStanzas,
  stream: inHeaders,
  connection: ofConnections,
  http: overHttp,
};

const grains: Readonly<Record<string, string>> = {
  bytes: '64KiB', number: '64KiB', address: '{ ipv4: 8, ipv6: 16 }', language: 'primary', version: 'major',
}; // prettier-ignore

function written(kind: TreatmentName, field: Field): string {
  const { value, answer } = field;
  switch (kind) {
    case 'replace':
      return '{ replace: same }';
    case 'coarsen':
      return `{ coarsen: ${grains[value] ?? '1d'} }`;
    case 'pseudonymise':
      return `{ pseudonymise: { scope: ${meetsHttp(field) ? 'gatekeeper' : 'account'} } }`;
    case 'pad':
      return '{ pad: [64KiB] }';
    case 'delay':
      return '{ delay: { up-to: 5s } }';
    case 'equalise':
      return '{ equalise: { after: 3s } }';
    case 'answer':
      return `{ answer: { ${(answer === undefined ? ['name'] : answer.required).map((name) => `${name}: same`).join(', ')} } }`;
    default:
      return kind;
  }
}

const cases = [...catalogue.fields.values()].flatMap((field) =>
  audienceNames.flatMap((audience) => treatmentNames.map((kind) => ({ field, audience, kind }))),
);

const compiled = (text: string): CompiledPolicy =>
  new CompiledPolicy(policyOf(text), { catalogue, names, pseudonyms, media });

/** The policy without a rule, which every rule is compared with. */
const plain = compiled(policyText('{}'));

/** Keeping is no act; and for the operator, who is shown names and counts only, there is nothing to withhold. */
const isAct = ({ audience, kind }: (typeof cases)[number]): boolean =>
  kind !== 'keep' && audience !== 'operator';

describe('a rule', () => {
  const accepted: string[] = [];

  it.each(
    cases.filter(isAct).map((each) => [`${each.field.name} ${each.kind} ${each.audience}`, each] as const),
  )('%s', (name, { field, audience, kind }) => {
    const rules = `{ ${audience}: { ${field.name}: ${written(kind, field)} } }`;
    const errors = complaints(policyText(rules), { media: true }).filter((line) => line.includes(': error '));
    if (errors.length > 0) {
      // Refused in one line with a remedy.
      expect(errors).toEqual([expect.stringMatching(/: error ERR_POLICY_[A-Z0-9_]+ .+\. \S.+$/)]);
      return;
    }
    accepted.push(name);
    const towards: Direction = audience === 'gatekeeper' ? 'to-gatekeeper' : 'to-client';
    // What is known by its request only is decided when that passes.
    const isRequest = field.where === 'stanza' && field.selectors.length === 0;
    const direction = isRequest ? opposite(towards) : towards;
    const shown = shownBy[field.where];
    const without = shown(field, plain, direction, audience);
    expect(shown(field, compiled(policyText(rules)), direction, audience)).not.toEqual(without);
  });

  it('is accepted often enough to be a test', () => {
    expect(accepted.length).toBeGreaterThan(250);
  });

  it.each(cases.filter(({ audience, kind }) => audience === 'operator' && kind !== 'drop').slice(0, 40))(
    'for the operator is refused: $field.name $kind',
    ({ field, kind }) => {
      const text = policyText(`{ operator: { ${field.name}: ${written(kind, field)} } }`);
      expect(complaints(text, { media: true }).filter((line) => line.includes(': error '))).toHaveLength(1);
    },
  );
});
