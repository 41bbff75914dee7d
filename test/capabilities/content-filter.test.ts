import { describe, expect, it } from 'vitest';
import { ContentFilter, unfilteredKinds } from '../../src/capabilities/content-filter.ts';
import { contentVocabulary } from '../../src/capabilities/content-kinds.ts';
import { elementFromXml } from '../../src/capabilities/element.ts';
import type { CapabilityProfile } from '../../src/capabilities/profile.ts';
import { createNames } from '../../src/stanza/names.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { oob, omemo, samples, sfs } from './samples.ts';
import { profileOf, readTable, shipped, table } from './shipped.ts';
import { applied, stanzaOf } from './stanza-of.ts';

const names = createVocabulary(contentVocabulary(table));
const filter = new ContentFilter(table, names);

const message = (inside: string, type = 'chat') =>
  `<message xmlns='jabber:client' from='romeo@a.example/x' to='juliet@b.example/y' id='m1' type='${type}'>${inside}</message>`;
function judge(xml: string, profile: CapabilityProfile) {
  return filter.judge(stanzaOf(xml, names), profile);
}

function receiving(kinds: readonly string[], ...lines: string[]): CapabilityProfile {
  return profileOf(`receives: { ${kinds.map((kind) => `${kind}: true`).join(', ')} }`, ...lines);
}

const all = [...table.kinds.keys()];
const attachments = ['image', 'video', 'voice', 'file', 'sticker', 'contact'];

describe('each kind', () => {
  const recognisable = Object.keys(samples);

  it('has a sample, but for polls, which no standard defines', () => {
    expect(all.filter((kind) => !recognisable.includes(kind))).toEqual(['poll']);
  });

  it.each(recognisable)('%s passes where it is received', (kind) => {
    const verdict = judge(message(samples[kind]!), receiving(all));
    expect(verdict.kind === 'pass' && verdict.shown).toContain(kind);
  });

  it.each(recognisable)('%s is refused where it is not, in every mode', (kind) => {
    // An attachment can also be received as a plain file.
    const others = attachments.includes(kind)
      ? all.filter((name) => !attachments.includes(name))
      : all.filter((name) => name !== kind);
    const refusals = [{ kind, reason: 'kind' }];
    for (const mode of ['bounce', 'drop', 'fallback']) {
      const verdict = judge(message(samples[kind]!), receiving(others, `on-unsupported-content: ${mode}`));
      expect(verdict).toMatchObject({ refusals });
      expect(['bounce', 'drop', 'fallback']).toContain(verdict.kind);
      if (mode === 'bounce' && !table.kinds.get(kind)!.signal) expect(verdict.kind).toBe('bounce');
      if (mode === 'drop' && !table.kinds.get(kind)!.signal) expect(verdict.kind).toBe('drop');
    }
  });
});

describe('content that is invisible from outside', () => {
  it('is never guessed: an encrypted message passes whatever the profile', () => {
    const nothing = receiving(['group']);
    expect(judge(message(omemo), nothing)).toEqual({ kind: 'pass', shown: [] });
    expect(
      judge(message("<encryption xmlns='urn:xmpp:eme:0' namespace='x'/><body>geo:1,2</body>"), nothing).kind,
    ).toBe('pass');
  });

  it('is judged where the sender left it next to the ciphertext', () => {
    const verdict = judge(message(`${omemo}${samples['edit']!}`), receiving(['text']));
    expect(verdict).toMatchObject({ kind: 'bounce', refusals: [{ kind: 'edit', reason: 'kind' }] });
  });

  it('a file without a media type is refused only when no file of any kind is received', () => {
    expect(judge(message(oob), receiving(['image'])).kind).toBe('pass');
    expect(judge(message(oob), receiving(['group'])).kind).toBe('bounce');
  });

  it('an undeclared codec or size is not held against a file', () => {
    const opus = profileOf("receives: { voice: { types: ['audio/ogg; codecs=opus'], max-bytes: 5 } }");
    const unsized = sfs('audio/ogg', 0).replace('<size>0</size>', '');
    expect(judge(message(unsized), opus).kind).toBe('pass');
    expect(judge(message(unsized.replace('audio/ogg', 'audio/ogg; codecs=speex')), opus).kind).toBe('bounce');
  });

  it('is explained to the author of a policy', () => {
    expect(unfilteredKinds(shipped.get('text-only')!, table)).toContainEqual({
      kind: 'image',
      fromOutside: 'never',
    });
    expect(unfilteredKinds(shipped.get('phone')!, table)).toEqual([{ kind: 'poll', fromOutside: 'never' }]);
  });
});

describe('types and sizes', () => {
  const picky = profileOf(
    'receives: { text: { max-bytes: 5 }, image: { types: [image/jpeg], max-bytes: 100 } }',
  );

  it.each([
    ['a type that is received', message(sfs('image/jpeg', 100)), undefined],
    ['another type', message(sfs('image/png', 1)), { kind: 'image', reason: 'type' }],
    ['too many bytes', message(sfs('image/jpeg', 101)), { kind: 'image', reason: 'size' }],
    ['a text that fits, by its bytes', message('<body>ééa</body>'), undefined],
    ['a text that does not', message('<body>ééé</body>'), { kind: 'text', reason: 'size' }],
  ])('%s', (_, xml, refusal) => {
    const verdict = judge(xml, picky);
    if (refusal === undefined) expect(verdict.kind).toBe('pass');
    else expect(verdict).toMatchObject({ kind: 'bounce', refusals: [refusal] });
  });

  it('an image may be received as a file', () => {
    const either = profileOf('receives: { image: { types: [image/jpeg] }, file: { max-bytes: 50 } }');
    expect(judge(message(sfs('image/png', 50)), either)).toEqual({ kind: 'pass', shown: ['file'] });
    expect(judge(message(sfs('image/png', 51)), either)).toMatchObject({ refusals: [{ reason: 'size' }] });
  });
});

describe('a bounce', () => {
  const none = receiving(['text']);

  it('is an error to the sender, with the id, and without the payload', () => {
    const verdict = judge(message(samples['reaction']!), none);
    expect(verdict.kind).toBe('bounce');
    const reply = verdict.kind === 'bounce' ? Buffer.from(verdict.reply).toString() : '';
    expect(reply).toBe(
      "<message xmlns='jabber:client' to='romeo@a.example/x' from='juliet@b.example/y' id='m1' type='error'>" +
        "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" +
        "<unsupported xmlns='urn:narthex:content:0' kind='reaction' reason='kind'/></error></message>",
    );
    expect(elementFromXml(reply).kind).toBe('element');
  });

  it('escapes the values that it repeats', () => {
    const xml = message(samples['reaction']!).replace("id='m1'", "id='a&apos;&lt;b'");
    const verdict = judge(xml, none);
    const reading = elementFromXml(verdict.kind === 'bounce' ? Buffer.from(verdict.reply).toString() : '');
    expect(reading.kind === 'element' && reading.element.attrs['id']).toBe("a'<b");
  });

  it('asks for another type or size where that would be accepted', () => {
    const picky = profileOf('receives: { image: { max-bytes: 1 } }');
    const verdict = judge(message(sfs('image/png', 2)), picky);
    expect(verdict.kind === 'bounce' && Buffer.from(verdict.reply).toString()).toContain(
      "<error type='modify'><not-acceptable ",
    );
  });

  it('answers a call that cannot be taken, in every mode', () => {
    const iq = `<iq xmlns='jabber:client' from='a@b/c' to='d@e/f' id='j1' type='set'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s'><content creator='initiator' name='v'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/></content></jingle></iq>`;
    for (const mode of ['bounce', 'drop', 'fallback']) {
      const verdict = judge(iq, receiving(['audio-call'], `on-unsupported-content: ${mode}`));
      expect(verdict).toMatchObject({ kind: 'bounce', refusals: [{ kind: 'video-call' }] });
    }
    expect(judge(iq, receiving(['video-call'])).kind).toBe('pass');
    expect(judge(iq.replace('session-initiate', 'session-terminate'), none).kind).toBe('pass');
  });

  it('never answers an error, a room or a signal', () => {
    expect(judge(message(samples['reaction']!, 'error'), none).kind).toBe('pass');
    const room = receiving(['text', 'group']);
    expect(judge(message(`${samples['reaction']!}<body>+1</body>`, 'groupchat'), room).kind).toBe('fallback');
    expect(judge(message(samples['typing']!), none).kind).toBe('drop');
    expect(judge(message(`<body>hi</body>${samples['typing']!}`), none).kind).toBe('fallback');
  });
});

describe('a fallback', () => {
  const soft = receiving(['text', 'group'], 'on-unsupported-content: fallback');
  const left = (xml: string) => {
    const verdict = judge(xml, soft);
    if (verdict.kind !== 'fallback') return verdict.kind;
    const result = applied(xml, verdict.edits);
    expect(elementFromXml(result).kind).toBe('element');
    return result;
  };

  it('removes the mark and leaves the text', () => {
    expect(left(message(`<body>better</body>${samples['edit']!}<thread>t</thread>`))).toBe(
      message('<body>better</body><thread>t</thread>'),
    );
  });

  it('puts a notice in place of content that cannot be shown, and leaves no other view of it', () => {
    expect(left(message(`<body>https://files.example/a</body>${oob}${sfs('image/png', 3)}`))).toBe(
      message("<body xmlns='jabber:client'>[image]</body>"),
    );
    expect(left(message(sfs('image/png', 3)))).toBe(message("<body xmlns='jabber:client'>[image]</body>"));
  });

  it('leaves no picture of a sticker, unless it may be received as a picture', () => {
    const sticker = message(samples['sticker']!);
    const verdict = judge(sticker, receiving(['text'], 'on-unsupported-content: fallback'));
    expect(verdict.kind === 'fallback' ? applied(sticker, verdict.edits) : '').not.toContain('file-sharing');
    const picture = judge(sticker, receiving(['text', 'image'], 'on-unsupported-content: fallback'));
    expect(picture.kind === 'fallback' && applied(sticker, picture.edits)).toContain('file-sharing');
  });

  it('is not hidden by a mark that the replaced text was a fallback (XEP-0428), and no position refers into it', () => {
    const said = `<body>See https://files.example/a</body>${sfs('image/png', 3)}`;
    const whole = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>";
    const markers = [
      whole,
      whole.replace('<body/>', "<body start='4' end='27'/>"),
      whole.replace('><body/></fallback>', '/>'),
      "<markup xmlns='urn:xmpp:markup:0'><span start='0' end='3'><emphasis/></span></markup>",
    ];
    const mention =
      "<reference xmlns='urn:xmpp:reference:0' begin='0' end='3' type='mention' uri='xmpp:a@b'/>";
    const subject =
      "<fallback xmlns='urn:xmpp:fallback:0' for='urn:other'><subject start='0' end='1'/></fallback>";
    expect(left(message(`${said}${markers.join('')}${mention}${subject}`))).toBe(
      message(
        `<body xmlns='jabber:client'>[image]</body>${mention.replace(" begin='0' end='3'", '')}${subject}`,
      ),
    );
  });

  it('is the fallback of removed content: it is shown, and other fallbacks stay marked', () => {
    const marked = (namespace: string) =>
      `<fallback xmlns='urn:xmpp:fallback:0' for='${namespace}'><body start='0' end='5'/></fallback>`;
    const body = '<body>&gt; hi\nyes</body>';
    expect(
      left(message(`${body}${samples['reply']!}${marked('urn:xmpp:reply:0')}${marked('urn:other')}`)),
    ).toBe(message(`${body}${marked('urn:other')}`));
    expect(left(message(`${samples['reaction']!}${marked('urn:xmpp:reactions:0')}`))).toBe('drop');
  });

  it('does not count routing elements as remaining content', () => {
    const signal = message(`${samples['typing']!}<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/>`);
    expect(judge(signal, receiving(['text']))).toMatchObject({ kind: 'drop' });
  });

  it('drops a message that has nothing left to read', () => {
    expect(left(message(samples['reaction']!))).toBe('drop');
  });
});

describe('a message inside another', () => {
  const forwarded = (inner: string) =>
    `<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-25T00:00:00Z'/>${inner}</forwarded>`;
  const carbon = (inner: string, way = 'received') =>
    `<message xmlns='jabber:client' from='juliet@b.example' to='juliet@b.example/y' type='chat'><${way} xmlns='urn:xmpp:carbons:2'>${forwarded(inner)}</${way}></message>`;
  const archived = (inner: string) =>
    `<message xmlns='jabber:client' from='juliet@b.example' to='juliet@b.example/y'><result xmlns='urn:xmpp:mam:2' queryid='q' id='28482'>${forwarded(inner)}</result></message>`;
  const copies = [
    ['a carbon', carbon],
    ['a carbon of another device’s message', (inner: string) => carbon(inner, 'sent')],
    ['an archive result', archived],
  ] as const;
  const modes = ['bounce', 'drop', 'fallback'] as const;
  const none = (mode: string, ...kinds: string[]) =>
    receiving(['text', 'group', ...kinds], `on-unsupported-content: ${mode}`);
  /** What reaches the client, or why nothing does. */
  const left = (xml: string, profile: CapabilityProfile): string => {
    const verdict = judge(xml, profile);
    if (verdict.kind === 'fallback') return applied(xml, verdict.edits);
    return verdict.kind === 'pass' ? xml : verdict.kind;
  };
  const picture = message(`<body>https://files.example/a</body>${oob}${sfs('image/png', 3)}`);
  const notice = message("<body xmlns='jabber:client'>[image]</body>");

  it.each(copies)('of which nothing is refused passes: %s', (_, copy) => {
    const xml = copy(message(samples['reaction']!));
    expect(judge(xml, receiving(all))).toEqual({ kind: 'pass', shown: ['reaction'] });
    expect(judge(copy(message(omemo)), none('drop'))).toEqual({ kind: 'pass', shown: [] });
  });

  it.each(copies)('is never bounced: %s has a fallback in it instead', (_, copy) => {
    for (const mode of ['bounce', 'fallback']) {
      expect(left(copy(picture), none(mode))).toBe(copy(notice));
      expect(left(copy(message(`<body>new</body>${samples['edit']!}`)), none(mode))).toBe(
        copy(message('<body>new</body>')),
      );
    }
  });

  it.each(modes)('of an archive is never dropped, whatever is left in it: %s', (mode) => {
    expect(left(archived(picture), none(mode))).toBe(archived(notice));
    expect(left(archived(message(samples['reaction']!)), none(mode))).toBe(archived(message('')));
    expect(left(archived(message(samples['typing']!)), none(mode))).toBe(archived(message('')));
  });

  it('is dropped with its carbon where the profile drops it, or where nothing to read would be left', () => {
    expect(left(carbon(picture), none('drop'))).toBe('drop');
    for (const mode of modes) {
      expect(left(carbon(message(samples['reaction']!)), none(mode))).toBe('drop');
      expect(left(carbon(message(samples['typing']!)), none(mode))).toBe('drop');
      expect(left(carbon(message(`<body>a</body>${samples['typing']!}`)), none(mode))).toBe(
        carbon(message('<body>a</body>')),
      );
    }
  });

  it('of a room is not judged by being one: it has been delivered', () => {
    const xml = archived(message('<body>hi</body>', 'groupchat'));
    expect(left(xml, receiving(['text'], 'on-unsupported-content: drop'))).toBe(xml);
  });

  it('that is an error passes', () => {
    const xml = archived(message(samples['reaction']!, 'error'));
    expect(left(xml, none('fallback'))).toBe(xml);
  });

  it('that is forwarded is judged like the message itself', () => {
    const passedOn = (inner: string) => message(`<body>see this</body>${forwarded(inner)}`);
    expect(left(passedOn(picture), none('drop'))).toBe('drop');
    expect(judge(passedOn(picture), none('bounce'))).toMatchObject({
      kind: 'bounce',
      refusals: [{ kind: 'image', reason: 'kind' }],
    });
    expect(left(passedOn(picture), none('fallback'))).toBe(passedOn(notice));
    expect(left(passedOn(message(samples['reaction']!)), none('fallback'))).toBe(passedOn(message('')));
    expect(left(passedOn(picture), none('bounce', 'image'))).toBe(passedOn(picture));
  });

  it('is found at any depth and next to others; its surroundings decide', () => {
    const inside = (inner: string) => message(`<body>see</body>${forwarded(inner)}${forwarded(inner)}`);
    for (const [, copy] of copies) {
      expect(left(copy(inside(picture)), none('bounce'))).toBe(copy(inside(notice)));
      expect(left(copy(inside(message(samples['reaction']!))), none('bounce'))).toBe(
        copy(inside(message(''))),
      );
    }
  });

  it('cannot hide content outside of it, or in another namespace', () => {
    const beside = message(`${samples['location']!}<received xmlns='urn:xmpp:carbons:2'/>`);
    expect(judge(beside, none('bounce')).kind).toBe('bounce');
    const both = `${message('').replace('</message>', '')}${samples['location']!}${forwarded(picture)}</message>`;
    expect(judge(both, none('bounce'))).toMatchObject({
      refusals: [{ kind: 'location' }, { kind: 'image' }],
    });
    const foreign = archived(picture.replace("xmlns='jabber:client'", "xmlns='jabber:server'"));
    expect(judge(foreign, none('bounce'))).toEqual({ kind: 'pass', shown: [] });
  });

  it('has the types and sizes of its files judged too', () => {
    const small = profileOf('receives: { text: true, image: { types: [image/png], max-bytes: 2 } }');
    for (const [, copy] of copies)
      expect(judge(copy(picture), small)).toMatchObject({
        kind: 'fallback',
        refusals: [{ kind: 'image', reason: 'size' }],
      });
  });
});

it('refuses to work with a vocabulary that lacks its names', () => {
  expect(() => new ContentFilter(table, createNames(['jabber:client'], ['message']))).toThrow(RangeError);
});

it('recognises the namespace that a provider adds to the table', () => {
  const extended = readTable(`apiVersion: narthex/v1
kind: ContentKindTable
encryption: {}
kinds:
  poll:
    recognise: [{ path: [{ namespace: 'urn:example:poll', name: poll }] }]
    from-outside: never
    fallback: notice
    loses: polls
`);
  const own = createVocabulary(contentVocabulary(extended));
  const stanza = stanzaOf(message("<p:poll xmlns:p='urn:example:poll'/>"), own);
  expect(new ContentFilter(extended, own).judge(stanza, receiving(['text']))).toMatchObject({
    refusals: [{ kind: 'poll' }],
  });
});
