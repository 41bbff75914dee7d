/** What either side may slip into an authentication that asks for more than to be let in (XEP-0388, XEP-0386,
 *  XEP-0484), before one, and into the error that ends a stream: everything is read by the policy or dropped. */
import { Enforcement } from '../../../src/policy/enforcement.ts';
import { describe, expect, it } from 'vitest';
import { openPolicy } from '../../../src/app/files/policies.ts';
import { CompiledPolicy } from '../../../src/policy/compile.ts';
import { channelBindingGuard } from '../../../src/session/negotiation/channel-binding.ts';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import type { Phase } from '../../../src/session/phase.ts';
import { policyStage } from '../../../src/session/policy/policy-stage.ts';
import type { Resumptions } from '../../../src/session/stream-management/resumptions.ts';
import { AckWindow } from '../../../src/session/stream-management/ack-window.ts';
import { directions, opposite, type Direction } from '../../../src/stanza/direction.ts';
import { StreamError } from '../../../src/stanza/error.ts';
import { catalogue, media, names, pseudonyms, today } from '../../policy/fixtures.ts';
import { generatedStanza } from '../../support/generated-stanzas.ts';
import { Random } from '../../support/random.ts';
import { fewResumptions } from '../few-resumptions.ts';
import { Legs } from '../legs.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const sm = 'urn:xmpp:sm:3';

const compiled = new Map(
  ['passthrough', 'balanced', 'strict'].map((policy) => [
    policy,
    new CompiledPolicy(openPolicy(policy), { catalogue, names, pseudonyms, media }),
  ]),
);

function connect(policy: string, phase: Phase, resumptions = fewResumptions()): Legs {
  const enforced = compiled.get(policy)!;
  const policies = { enforced, shadow: undefined };
  return new Legs({
    names,
    phase,
    resumptions,
    stages: [
      negotiationGuard,
      channelBindingGuard,
      policyStage({
        enforcement: new Enforcement({ policies: () => policies, decided: () => {} }),
        clock: () => today,
        random: () => 0.5,
      }),
    ],
  });
}

/** What comes out where it should. */
function passed(legs: Legs, direction: Direction, xml: string): string {
  legs.read(direction, xml);
  return legs.out[direction].join('');
}

const authenticate = (inside: string): string =>
  `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>AGp1bGlldABy</initial-response>${inside}</authenticate>`;
const success = (inside: string): string =>
  `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@capulet.example</authorization-identifier>${inside}</success>`;

describe.each(['balanced', 'strict'])('an authentication under %s', (policy) => {
  it.each([
    ['an unknown element', "<x xmlns='urn:unknown' a='marker'>marker</x>"],
    ['one inside a bind request', "<bind xmlns='urn:xmpp:bind:0'><x xmlns='urn:unknown'>marker</x></bind>"],
    ['a registration for push in one', "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:push:0' jid='marker.example' node='n'/></bind>"],
    ['a tag', "<bind xmlns='urn:xmpp:bind:0'><tag>marker</tag></bind>"],
    ['further features', '<user-agent><system>marker</system></user-agent>'],
    ['the mechanisms that it knows', '<supported><mechanism>marker</mechanism></supported>'],
    ['another element of the protocol', '<marker>marker</marker>'],
    ['what it remembers of the features', "<config-version xmlns='urn:xmpp:iap:0' scheme='opaque' value='marker'/>"],
    ['the client’s software', '<user-agent><software>marker</software><device>marker</device></user-agent>'],
    ['an element without a namespace', "<x xmlns='' a='marker'>marker</x>"],
    ['a presence', "<presence xmlns='jabber:client'><status>marker</status><x xmlns='urn:unknown'>marker</x></presence>"],
  ])('is sent nothing of the client’s: %s', (_, inside) => {
    const out = passed(connect(policy, 'authenticating'), 'to-gatekeeper', authenticate(inside));
    expect(out).toMatch(/^<authenticate .*<initial-response>AGp1bGlldABy<\/initial-response>.*<\/authenticate>$/);
    expect(out).not.toContain('marker');
  }); // prettier-ignore

  it.each([
    ['an unknown element', "<x xmlns='urn:unknown'>marker</x>"],
    ['one inside the bound payload', "<bound xmlns='urn:xmpp:bind:0'><x xmlns='urn:unknown'>marker</x></bound>"],
    ['another place to resume', `<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='${sm}' id='i' resume='true' location='marker.example'/></bound>`],
  ])('brings nothing back: %s', (_, inside) => {
    const legs = connect(policy, 'authenticating');
    legs.read('to-gatekeeper', authenticate(`<bind xmlns='urn:xmpp:bind:0'><enable xmlns='${sm}'/></bind>`));
    const out = passed(legs, 'to-client', success(inside));
    expect(out).toContain('<authorization-identifier>');
    expect(out).not.toContain('marker');
  }); // prettier-ignore

  it('keeps the requests that complete at once: the token, its count, the resumption and the bind request', () => {
    const inside = `<fast xmlns='urn:xmpp:fast:0' count='7'/><request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/><bind xmlns='urn:xmpp:bind:0'><enable xmlns='${sm}' resume='true'/></bind>`;
    expect(passed(connect(policy, 'authenticating'), 'to-gatekeeper', authenticate(inside))).toBe(
      authenticate(inside),
    );
    const token = "<token xmlns='urn:xmpp:fast:0' expiry='2026-12-12T14:36:15Z' token='secret'/>";
    const legs = connect(policy, 'authenticating');
    legs.read('to-gatekeeper', authenticate(''));
    expect(passed(legs, 'to-client', success(token))).toBe(success(token));
  });

  it('goes on to further tasks: a second factor, and an upgrade of the stored hash (XEP-0388 §2.6.3, XEP-0480)', () => {
    const legs = connect(policy, 'authenticating');
    const request = authenticate("<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>");
    const said: readonly (readonly [Direction, string])[] = [
      ['to-gatekeeper', request],
      [
        'to-client',
        `<continue xmlns='${sasl2}'><additional-data>AA==</additional-data><tasks><task>TOTP</task></tasks></continue>`,
      ],
      [
        'to-gatekeeper',
        `<next xmlns='${sasl2}' task='TOTP'><initial-response>AA==</initial-response></next>`,
      ],
      ['to-client', `<continue xmlns='${sasl2}'><tasks><task>UPGR-SCRAM-SHA-256</task></tasks></continue>`],
      ['to-gatekeeper', `<next xmlns='${sasl2}' task='UPGR-SCRAM-SHA-256'/>`],
      [
        'to-client',
        `<task-data xmlns='${sasl2}'><salt xmlns='urn:xmpp:scram-upgrade:0' iterations='4096'>c2FsdA==</salt></task-data>`,
      ],
      [
        'to-gatekeeper',
        `<task-data xmlns='${sasl2}'><hash xmlns='urn:xmpp:scram-upgrade:0'>aGFzaA==</hash></task-data>`,
      ],
      ['to-client', success('')],
    ];
    for (const [direction, xml] of said) {
      expect(passed(legs, direction, xml)).toBe(xml);
      legs.out[direction].length = 0;
    }
  });

  it('has nothing of the client’s in its tasks', () => {
    const legs = connect(policy, 'authenticating');
    legs.read('to-gatekeeper', authenticate(''));
    legs.out['to-gatekeeper'].length = 0;
    for (const [xml, shown] of [
      [
        `<next xmlns='${sasl2}' task='TOTP' a='marker'><x xmlns='urn:unknown'>marker</x></next>`,
        `<next xmlns='${sasl2}' task='TOTP'/>`,
      ],
      [
        `<task-data xmlns='${sasl2}' a='marker'><x xmlns='urn:unknown'>marker</x></task-data>`,
        `<task-data xmlns='${sasl2}'/>`,
      ],
      [`<abort xmlns='${sasl2}'><text>marker</text></abort>`, `<abort xmlns='${sasl2}'/>`],
    ] as const) {
      // Strict writes the shorter of the two forms.
      expect(passed(legs, 'to-gatekeeper', xml).replace(/><\/[a-z-]+>$/, '/>')).toBe(shown);
      legs.out['to-gatekeeper'].length = 0;
    }
  });

  it('that fails has its condition', () => {
    const failure = `<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='${sasl}'/><x xmlns='urn:unknown'>marker</x></failure>`;
    expect(passed(connect(policy, 'authenticating'), 'to-client', failure)).toBe(
      `<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='${sasl}'/></failure>`,
    );
  });
});

const early: readonly (readonly [string, string])[] = [
  ['a stanza', '<presence/>'],
  ['a question', "<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>"],
  ['a request to be counted', `<enable xmlns='${sm}' resume='true'/>`],
  ['a count', `<a xmlns='${sm}' h='1'/>`],
  ['a resumption', `<resume xmlns='${sm}' previd='known' h='0'/>`],
  ['a resumption of nothing', `<resume xmlns='${sm}' previd='unknown' h='0'/>`],
  ['the state of the client', "<inactive xmlns='urn:xmpp:csi:0'/>"],
  ['a bind request by itself', "<bind xmlns='urn:xmpp:bind:0'/>"],
  ['a token by itself', "<token xmlns='urn:xmpp:fast:0' token='t'/>"],
  ['anything', "<x xmlns='urn:unknown'>marker</x>"],
];

/** One stream is known. */
function remembering(): Resumptions {
  const resumptions = fewResumptions();
  const alias = { shownResource: undefined };
  const windows = { toGatekeeper: new AckWindow(), toClient: new AckWindow() };
  const stream = { id: 's', startedAt: 1, account: 'a@b', resource: 'c', alias, ...windows };
  resumptions.remember('main', 'known', stream);
  return resumptions;
}

describe('before there is an authentication', () => {
  // Nor does a client learn by the answer which streams there are.
  it.each(early)('a client that sends %s is refused, and the other side receives nothing', (_, xml) => {
    for (const phase of ['authenticating', 'restarting'] as const) {
      const legs = connect('passthrough', phase, remembering());
      expect(() => legs.read('to-gatekeeper', xml)).toThrow(
        expect.objectContaining({ code: 'ERR_NEGOTIATION', condition: 'not-authorized' }),
      );
      expect(legs.out).toEqual({ 'to-gatekeeper': [], 'to-client': [] });
    }
  });

  it.each(early)('so is a gatekeeper that sends %s', (_, xml) => {
    for (const phase of ['authenticating', 'restarting'] as const) {
      const legs = connect('passthrough', phase, remembering());
      expect(() => legs.read('to-client', xml)).toThrow(
        expect.objectContaining({ code: 'ERR_GATEKEEPER_NEGOTIATION' }),
      );
      expect(legs.out).toEqual({ 'to-gatekeeper': [], 'to-client': [] });
    }
  });
});

describe('any elements before authentication, in any order', () => {
  const inline = [
    "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>hidden-agent</software></user-agent>",
    "<bind xmlns='urn:xmpp:bind:0'><tag>hidden-agent</tag></bind>",
    `<resume xmlns='${sm}' previd='known' h='0'/>`,
    `<enabled xmlns='${sm}' id='i' resume='true' location='hidden-place.example'/>`,
    "<token xmlns='urn:xmpp:fast:0' token='t'/>",
    "<x xmlns='urn:unknown'>hidden-unknown</x>",
  ];
  const roots = ['authenticate', 'challenge', 'response', 'success', 'failure', 'continue', 'next', 'abort', 'unknown'];

  const authentication = /^<[a-z]+ xmlns='(?:urn:xmpp:sasl:2|urn:ietf:params:xml:ns:xmpp-sasl)'/;
  const hidden = {
    'to-gatekeeper': /hidden-(?:agent|unknown)/,
    'to-client': /hidden-(?:place|unknown)/,
  };

  it.each(['balanced', 'strict'])('only authentications go through, read by %s', (policy) => {
    const tally = new Map<string, number>();
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = new Random(seed);
      const legs = connect(policy, 'authenticating', remembering());
      let ending = 'accepted';
      for (let turn = 0; turn < 8; turn += 1) {
        const direction = random.pick(directions);
        const content = Array.from({ length: random.below(3) }, () => random.pick(random.once(3) ? [generatedStanza(random)] : inline)).join('');
        const root = random.pick(roots);
        const said = random.once(5) ? random.pick(early)[1] : random.once(2) ? `<${root} xmlns='urn:xmpp:sasl:2'>${content}</${root}>` : `<${root} xmlns='${sasl}'>AGEAYg==</${root}>`;
        try {
          legs.read(direction, said);
        } catch (error) {
          // Both streams end.
          if (!(error instanceof StreamError)) throw new Error(`sequence ${seed}`, { cause: error });
          ending = error.code;
          break;
        }
      }
      tally.set(ending, (tally.get(ending) ?? 0) + 1);
      for (const direction of directions) {
        for (const piece of legs.out[direction])
          if (!authentication.test(piece) || hidden[direction].test(piece))
            throw new Error(`sequence ${seed} lets through ${piece}`);
      }
    }
    expect(Object.fromEntries(tally)).toEqual({ accepted: 29, ERR_NEGOTIATION: 73, ERR_GATEKEEPER_NEGOTIATION: 98 });
  });
}); // prettier-ignore

describe('stream management that hides in something else', () => {
  it.each([
    ['to be counted', `<enable xmlns='${sm}'/>`, `<enabled xmlns='${sm}'/>`],
    ['to resume', `<resume xmlns='${sm}' previd='known' h='0'/>`, `<resumed xmlns='${sm}' previd='known' h='0'/>`],
  ])('is no request %s', (_, request, answer) => {
    const legs = connect('passthrough', 'established', remembering());
    legs.read('to-gatekeeper', `<x xmlns='urn:unknown'>${request}</x>`);
    expect(() => legs.read('to-client', answer)).toThrow(
      expect.objectContaining({ code: 'ERR_GATEKEEPER_NEGOTIATION' }),
    );
    expect(legs.resumed).not.toHaveBeenCalled();
  }); // prettier-ignore
});

describe('an error of the gatekeeper', () => {
  const streamError = (inside: string): string =>
    `<error xmlns='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>${inside}</error>`;
  const text = "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>node-17.internal</text>";
  const own = "<overloaded xmlns='urn:server:17'>node-17.internal</overloaded>";
  const phases = ['authenticating', 'restarting', 'established'] as const;

  it.each(phases)('ends a stream by its condition only under strict: %s', (phase) => {
    expect(passed(connect('strict', phase), 'to-client', streamError(text + own))).toBe(streamError(''));
  });

  it.each(phases)('ends it with its own texts under balanced, without unknown ones: %s', (phase) => {
    expect(passed(connect('balanced', phase), 'to-client', streamError(text + own))).toBe(streamError(text));
  });

  it('is unchanged under passthrough', () => {
    const whole = streamError(text + own);
    expect(passed(connect('passthrough', 'established'), 'to-client', whole)).toBe(whole);
  });

  it.each([
    ['SASL', `<failure xmlns='${sasl}'><account-disabled/>`, '<text>marker</text>', '</failure>'],
    ['SASL 2', `<failure xmlns='urn:xmpp:sasl:2'><account-disabled xmlns='${sasl}'/>`, '<text>marker</text>', '</failure>'],
  ])('of %s has a condition and no text under strict, both under balanced', (_, before, words, after) => {
    const failure = before + words + after;
    const out = (policy: string): string => passed(connect(policy, 'authenticating'), 'to-client', failure);
    expect(out('strict')).toBe(before + after);
    expect(out('balanced')).toBe(failure);
  }); // prettier-ignore

  it('has no text in the condition itself under strict', () => {
    const gone = (inside: string): string =>
      `<message type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>${inside}</gone></error></message>`;
    const stream = (inside: string): string =>
      `<error xmlns='http://etherx.jabber.org/streams'><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'>${inside}</reset></error>`;
    for (const write of [gone, stream])
      expect(passed(connect('strict', 'established'), 'to-client', write('xmpp:marker@a.example')).trim()).not.toContain('marker');
  }); // prettier-ignore

  it('is shown to the client only', () => {
    const legs = connect('strict', 'established');
    legs.read('to-client', streamError(text));
    expect(legs.out[opposite('to-client')]).toEqual([]);
  });
});
