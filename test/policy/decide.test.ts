import { describe, expect, it } from 'vitest';
import { everyForm } from '../../src/policy/catalogue.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import {
  catalogue,
  context,
  deciderFor,
  names,
  pass,
  policyOf,
  policyText,
  pseudonyms,
  read,
  today,
  wire,
} from './fixtures.ts';

const chat = "xmlns='http://jabber.org/protocol/chatstates'";
const toGatekeeper = (rules: string, spec = '') =>
  deciderFor(policyOf(policyText(`{ gatekeeper: { ${rules} } }`, spec)), 'to-gatekeeper');
const toClient = (rules: string) => deciderFor(policyOf(policyText(`{ client: { ${rules} } }`)), 'to-client');

describe('the bytes that a decision is about', () => {
  it('are those of the element, attribute or text, as received', () => {
    const status = '<status>Zürich</status>';
    const unlisted = "<x xmlns='urn:example:unknown'><y/></x>";
    const stanza = wire.parse(
      `<presence id='p&amp;1' foo='12'>${status}<show>away</show>${unlisted}</presence>`,
      names,
    );
    const { decisions, sizes } = toGatekeeper('presence.status: drop').decide(stanza);
    const found = decisions.map(({ field }, index) => `${field} ${sizes[index]}`);
    expect(found.filter((line) => /unlisted|presence.status|presence.show|id/.test(line)).toSorted()).toEqual(
      [
        `presence.show ${'<show>away</show>'.length}`,
        `presence.status ${Buffer.byteLength(status)}`,
        `id.presence ${"id='p&amp;1'".length}`,
        `unlisted ${"foo='12'".length}`,
        `unlisted ${unlisted.length}`,
      ].toSorted(),
    );
  });

  it('are known for each decision on each example of the catalogue, and are within the stanza', () => {
    let checked = 0;
    const decider = { client: toClient('chat-state: keep'), gatekeeper: toGatekeeper('chat-state: keep') };
    for (const { example, where } of everyForm(catalogue)) {
      if (where !== 'stanza') continue;
      const stanza = wire.parse(example, names);
      for (const { decisions, sizes } of Object.values(decider).map((each) => each.decide(stanza))) {
        expect(sizes).toHaveLength(decisions.length);
        expect(sizes.every((bytes) => bytes > 0 && bytes <= stanza.byteLength)).toBe(true);
        checked += sizes.length;
      }
    }
    expect(checked).toBeGreaterThan(1_000);
  });
});

describe('fields inside stanzas inside stanzas', () => {
  const inner = `<message xmlns='jabber:client' from='b@c' to='d@e'><body>hi</body><composing ${chat}/></message>`;
  const without = inner.replace(`<composing ${chat}/>`, '');
  it.each([
    [
      'a carbon copy',
      (x: string) =>
        `<message from='d@e' to='d@e/r'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>${x}</forwarded></received></message>`,
    ],
    [
      'an archive result',
      (x: string) =>
        `<message to='d@e/r'><result xmlns='urn:xmpp:mam:2' id='1' queryid='q'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>${x}</forwarded></result></message>`,
    ],
    [
      'an event',
      (x: string) =>
        `<message from='d@e'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='i'>${x}</item></items></event></message>`,
    ],
    [
      'a copy of a copy',
      (x: string) =>
        `<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><forwarded xmlns='urn:xmpp:forward:0'>${x}</forwarded></message></forwarded></message>`,
    ],
  ])('%s', (_, wrap) => {
    expect(pass(toClient('chat-state: drop'), wrap(inner)).after).toBe(wrap(without));
    // A copy of nothing says that there was something.
    expect(pass(toClient('chat-state: drop'), wrap(inner.replace('<body>hi</body>', ''))).after).toBe('');
  });

  it('an echo in an error', () => {
    const echo = `<message type='error' from='b@c'><composing ${chat}/><error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`;
    expect(pass(toClient('chat-state: drop'), echo).after).toBe(echo.replace(`<composing ${chat}/>`, ''));
  });
});

describe('unlisted elements', () => {
  const balanced = () => deciderFor(policyOf(policyText('{}')), 'to-gatekeeper');
  it.each([
    [
      'an element',
      "<message><body>b</body><x xmlns='urn:secret'>s</x></message>",
      '<message><body>b</body></message>',
    ],
    [
      'an element without a namespace',
      "<message><body>b</body><x xmlns=''>s</x></message>",
      '<message><body>b</body></message>',
    ],
    [
      'a known name in another namespace',
      "<message><body>b</body><body xmlns='urn:secret'>s</body></message>",
      '<message><body>b</body></message>',
    ],
    [
      'a known element at a place it does not have',
      '<message><body>b</body><status>s</status></message>',
      '<message><body>b</body></message>',
    ],
    [
      'an element inside a known one',
      "<presence><status>t<x xmlns='urn:secret'>s</x></status></presence>",
      '<presence><status>t</status></presence>',
    ],
    ['an attribute', "<message secret='s'><body>b</body></message>", '<message><body>b</body></message>'],
    [
      'an attribute of another namespace',
      "<message xmlns:s='urn:secret' s:a='s'><body s:b='s'>b</body></message>",
      '<message><body>b</body></message>',
    ],
    [
      'a declaration',
      "<message xmlns:secret='urn:s'><body>b</body></message>",
      '<message><body>b</body></message>',
    ],
    [
      'text between elements',
      '<message>s<body>b</body><![CDATA[s]]></message>',
      '<message><body>b</body></message>',
    ],
    [
      'text as references',
      '<message>&#115;<body>b</body>&#x20;</message>',
      '<message><body>b</body></message>',
    ],
    [
      'an unused xml attribute',
      "<message xml:space='preserve'><body>b</body></message>",
      '<message><body>b</body></message>',
    ],
  ])('%s', (_, given, expected) => {
    expect(pass(balanced(), given).after).toBe(expected);
  });

  it('is answered when it was a request', () => {
    const { after, reply } = pass(balanced(), "<iq type='get' id='1' to='x@y'><q xmlns='urn:secret'/></iq>");
    expect(after).toBe('');
    expect(reply).toContain(
      "<iq xmlns='jabber:client' from='x@y' id='1' type='error'><error type='cancel'><service-unavailable",
    );
  });

  it('may be refused or kept instead', () => {
    const given = "<message to='a@b'><body>b</body><x xmlns='urn:secret'>s</x></message>";
    const refuse = deciderFor(
      policyOf(policyText('{}').replace('unlisted: drop', 'unlisted: refuse')),
      'to-gatekeeper',
    );
    expect(pass(refuse, given)).toMatchObject({
      after: '',
      reply: expect.stringContaining('<policy-violation'),
    });
    const keep = deciderFor(
      policyOf(policyText('{}').replace('unlisted: drop', 'unlisted: keep')),
      'to-gatekeeper',
    );
    expect(pass(keep, given).after).toBe(given);
  });

  it('is counted by its namespace when that is registered, and together otherwise', () => {
    const stanza = wire.parse(
      "<message><body>b</body><x xmlns='jabber:x:event'/><y xmlns='urn:example:unknown'/></message>",
      names,
    );
    const { decisions } = balanced().decide(stanza);
    expect(decisions.filter(({ field }) => field === 'unlisted')).toEqual([
      { id: expect.any(Number), field: 'unlisted', treatment: 'drop', reason: 'jabber:x:event' },
      { id: expect.any(Number), field: 'unlisted', treatment: 'drop', reason: 'not registered' },
    ]);
  });
});

it('unlisted elements are counted with one object for all sessions, so that counting them takes no memory', () => {
  const compiled = new CompiledPolicy(policyOf(policyText('{}')), { catalogue, names, pseudonyms });
  const decisions = ['session-1', 'session-2'].map((session) => {
    const decider = new Decider(
      compiled,
      'to-gatekeeper',
      { ...context, session },
      { clock: () => today, random: () => 1 },
    );
    const stanza = wire.parse(
      "<message to='a@b'><body>b</body><x xmlns='urn:example:unknown'/></message>",
      names,
    );
    return decider.decide(stanza).decisions.filter(({ field }) => field === 'unlisted');
  });
  expect(decisions[0]).toHaveLength(1);
  expect(decisions[1]![0]).toBe(decisions[0]![0]);
});

describe('pseudonyms', () => {
  const policy = () =>
    policyOf(
      policyText(
        '{ gatekeeper: { bind.resource: { pseudonymise: { scope: account, rotate: 30d } }, id.iq: { pseudonymise: { scope: session } } } }',
      ),
    );
  const out = (over = {}) => deciderFor(policy(), 'to-gatekeeper', over);
  const back = (over = {}) => deciderFor(policy(), 'to-client', over);
  const attribute = (text: string, name: string) => new RegExp(`${name}='([^']*)'`).exec(text)![1]!;

  it('of identifiers are mapped back to the client’s own', () => {
    const sent = pass(
      out(),
      "<iq type='get' id='purple-17' to='x@y'><ping xmlns='urn:xmpp:ping'/></iq>",
    ).after;
    const id = attribute(sent, 'id');
    expect(id).not.toBe('purple-17');
    expect(pass(back(), `<iq type='result' id='${id}' from='x@y'/>`).after).toBe(
      "<iq type='result' id='purple-17' from='x@y'/>",
    );
    expect(pass(back({ session: 'another' }), `<iq type='result' id='${id}' from='x@y'/>`).after).toContain(
      id,
    );
  });

  it('of identifiers are mapped back on answers whose content is withheld, for their own session only', () => {
    const sent = pass(out(), "<iq type='get' id='mine-1' to='x@y'><ping xmlns='urn:xmpp:ping'/></iq>").after;
    const answer = `<iq type='result' id='${attribute(sent, 'id')}' from='x@y'><x xmlns='urn:example:unknown'>s</x></iq>`;
    expect(pass(back(), answer).after).toBe(
      "<iq type='error' id='mine-1' from='x@y'><error xmlns='jabber:client' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
  });

  it('are not made of identifiers that the other side chose', () => {
    const answer = "<iq type='result' id='theirs-1' to='x@y'/>";
    expect(pass(out(), answer).after).toBe(answer);
    const request = "<iq type='get' id='theirs-1' from='x@y'><ping xmlns='urn:xmpp:ping'/></iq>";
    expect(pass(back(), request).after).toBe(request);
  });

  it('of resources hold from binding to the last stanza, nested ones too, on any replica', () => {
    const bound = pass(
      out(),
      "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Gajim.9J2</resource></bind></iq>",
    ).after;
    const resource = /<resource>([^<]+)</.exec(bound)![1]!;
    expect(resource).not.toContain('Gajim');
    expect(
      pass(out(), "<message from='me@provider.example/Gajim.9J2' to='x@y'><body>b</body></message>").after,
    ).toContain(`from='me@provider.example/${resource}'`);
    const result = `<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>me@provider.example/${resource}</jid></bind></iq>`;
    expect(pass(back(), result).after).toContain('<jid>me@provider.example/Gajim.9J2</jid>');
    const carbon = `<message to='Me@Provider.example/${resource}'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='me@provider.example/${resource}' to='x@y/${resource}'><body>b</body></message></forwarded></sent></message>`;
    expect(pass(back(), carbon).after).toBe(carbon.replaceAll(`example/${resource}`, 'example/Gajim.9J2'));
    // A session that began in the next period still knows those of the last.
    expect(pass(back({ startedAt: today + 30 * 86_400_000 }), result).after).toContain('Gajim.9J2');
    expect(pass(back({ startedAt: today + 90 * 86_400_000 }), result).after).toContain(resource);
  });

  it('of resources do not change what the gatekeeper has assigned, nor other devices of the user', () => {
    const own = (resource: string): string =>
      `<message from='me@provider.example/${resource}' to='me@provider.example/${resource}'><body>b</body></message>`;
    const assigned = { resource: '7403567205493' };
    expect(pass(out(assigned), own('7403567205493')).after).toBe(own('7403567205493'));
    expect(pass(back(assigned), own('7403567205493')).after).toBe(own('7403567205493'));
    const bind =
      "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>mine</resource></bind></iq>";
    const bound = { resource: /<resource>([^<]+)</.exec(pass(out(), bind).after)![1]! };
    expect(pass(out(bound), own('mine')).after).toBe(own(bound.resource));
    expect(pass(back(bound), own(bound.resource)).after).toBe(own('mine'));
    expect(pass(out(bound), own('tablet')).after).toBe(own('tablet'));
    expect(pass(back(bound), own('tablet')).after).toBe(own('tablet'));
  });

  it('of resources for one session are the gatekeeper’s own: what the client asks for is not sent', () => {
    const strict = (direction: Direction, over = {}): Decider =>
      deciderFor(
        policyOf(policyText('{ gatekeeper: { bind.resource: { pseudonymise: { scope: session } } } }')),
        direction,
        over,
      );
    const bind = (inside: string): string =>
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${inside}</bind></iq>`;
    for (const asked of [
      '',
      '<resource/>',
      '<resource>laptop</resource>',
      `<resource>${'x'.repeat(900)}</resource>`,
    ])
      expect(pass(strict('to-gatekeeper'), bind(asked)).after).toBe(bind(''));
    const result = bind('<jid>me@provider.example/7403567205493</jid>');
    expect(pass(strict('to-client'), result).after).toBe(result);
    const sent = "<message from='me@provider.example/7403567205493' to='x@y'><body>b</body></message>";
    expect(pass(strict('to-gatekeeper', { resource: '7403567205493' }), sent).after).toBe(sent);
  });

  it('of a bound resource outlive the rule that made them', () => {
    const session = { ...context, resource: '' };
    const decider = (scope: string, direction: Direction): Decider =>
      new Decider(
        new CompiledPolicy(
          policyOf(policyText(`{ gatekeeper: { bind.resource: { pseudonymise: { scope: ${scope} } } } }`)),
          { catalogue, names, pseudonyms },
        ),
        direction,
        session,
        { clock: () => today, random: () => 1 },
      );
    const bind =
      "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>mine</resource></bind></iq>";
    const bound = /<resource>([^<]+)</.exec(pass(decider('account', 'to-gatekeeper'), bind).after)![1]!;
    session.resource = bound;
    const to = (resource: string): string =>
      `<message to='me@provider.example/${resource}'><body>b</body></message>`;
    expect(pass(decider('account', 'to-client'), to(bound)).after).toBe(to('mine'));
    expect(pass(decider('session', 'to-client'), to(bound)).after).toBe(to('mine'));
    expect(pass(decider('session', 'to-gatekeeper'), to('mine')).after).toBe(to(bound));
  });

  it("leave contacts' resources alone", () => {
    const given = "<message to='x@y/balcony'><body>b</body></message>";
    expect(pass(out(), given).after).toBe(given);
  });

  it('need keys', () => {
    expect(() => new CompiledPolicy(policy(), { catalogue, names })).toThrow('ERR_POLICY_KEYS');
  });
});

describe('replies that are owed', () => {
  it('a refused message bounces, an error or a nested one does not', () => {
    const refuse = () => toGatekeeper('presence.subscription: refuse');
    expect(pass(refuse(), "<presence type='subscribe' to='a@b' id='1'/>").reply).toContain(
      "<presence xmlns='jabber:client' from='a@b' id='1' type='error'>",
    );
    const nested =
      "<message to='a@b'><body>b</body><forwarded xmlns='urn:xmpp:forward:0'><presence xmlns='jabber:client' type='subscribe'/></forwarded></message>";
    expect(pass(refuse(), nested)).toEqual({
      after: "<message to='a@b'><body>b</body></message>",
      reply: '',
    });
  });

  it('a request whose answer is withheld is answered by the proxy, in the opposite direction', () => {
    const decider = deciderFor(
      policyOf(policyText('{ gatekeeper: { time.last-iq: { refuse: { condition: forbidden } } } }')),
      'to-client',
    );
    const { after, reply } = pass(
      decider,
      "<iq type='get' id='1' from='x@y' to='me@provider.example'><query xmlns='jabber:iq:last'/></iq>",
    );
    expect(after).toBe('');
    expect(reply).toContain('<forbidden');
    // The client may still ask others.
    const own = "<iq type='get' id='1' to='x@y'><query xmlns='jabber:iq:last'/></iq>";
    expect(pass(toGatekeeper('time.last-iq: refuse'), own).after).toBe(own);
  });
});

describe('exceptions', () => {
  const spec = `  exceptions:
    - { when: { contact-domain: corp.example }, audiences: { gatekeeper: { chat-state: keep } }, why: w, approved-by: a, expires: 2026-11-23 }
`;
  const typing = (to: string) => `<message to='${to}'><composing ${chat}/></message>`;
  it('apply to the named contact, account or gatekeeper, until the end of their last day', () => {
    const policy = policyOf(policyText('{ gatekeeper: { chat-state: drop } }', spec));
    const compiled = new CompiledPolicy(policy, { catalogue, names, pseudonyms });
    const at = (clock: string) =>
      new Decider(compiled, 'to-gatekeeper', context, { clock: () => Date.parse(clock), random: () => 0 });
    expect(pass(at('2026-11-23T23:59:59Z'), typing('a@Corp.example/r')).after).toBe(
      typing('a@Corp.example/r'),
    );
    expect(pass(at('2026-11-23T23:59:59Z'), typing('a@other.example')).after).toBe('');
    expect(pass(at('2026-11-24T00:00:00Z'), typing('a@corp.example')).after).toBe('');
  });
});

it('leaves negotiation to the session', () => {
  const features = "<stream:features><x xmlns='urn:unknown'/></stream:features>";
  expect(pass(toClient('chat-state: drop'), features).after).toBe(features);
});

it('refuses a tape of another vocabulary', () => {
  const stanza = wire.parse('<message/>', createVocabulary());
  expect(() => toGatekeeper('chat-state: drop').decide(stanza)).toThrow('the tape has another vocabulary');
});

it('hands out prebuilt decisions and one outcome: nothing is made for a stanza that no rule changes', () => {
  const decider = toGatekeeper('chat-state: drop');
  const stanza = wire.parse("<message to='a@b' id='1' type='chat'><body>hi</body></message>", names);
  const first = decider.decide(stanza);
  const [before] = first.decisions;
  const second = decider.decide(stanza);
  expect(second).toBe(first);
  expect(second.decisions[0]).toBe(before);
});

it.each(['balanced', 'strict'])('%s keeps one-to-one messaging with encryption byte for byte', (name) => {
  const policy = policyOf(
    read(`policies/${name}.yaml`).replace(/content\.wire-size: .*/, 'content.wire-size: keep'),
  );
  const decider = deciderFor(policy, 'to-gatekeeper');
  const given =
    "<message to='a@b' type='chat' id='m'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2' prekey='true'>AA</key><iv>BB</iv></header><payload>CC</payload></encrypted><store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='m'/></message>";
  expect(pass(decider, given).after).toBe(given);
});
