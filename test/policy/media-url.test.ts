/** Addresses of media: sealed for an audience that may not see them, opened when they come back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressCharsMax, sealedAddresses } from '../../src/minimisation/media-address.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import {
  catalogue,
  complaints,
  context,
  deciderFor,
  mediaHost,
  names,
  pass,
  policyOf,
  policyText,
  pseudonyms,
  sealedBase,
  today,
  wire,
} from './fixtures.ts';
import { everything, wraps, writers, type Writer } from './writing.ts';

const rule = (scope: string): string =>
  `content.media-url: { pseudonymise: { scope: ${scope}, rotate: 1d } }`;
const policy = (scope = 'gatekeeper') => policyOf(policyText(`{ gatekeeper: { ${rule(scope)} } }`));
const sealing = (scope?: string) => deciderFor(policy(scope), 'to-gatekeeper');
const opening = () => deciderFor(policy(), 'to-client');
const forClients = policyOf(policyText(`{ client: { ${rule('account')} } }`));

const picture = `${mediaHost}/u/17/holiday.jpg`;
const sent = (address: string): string =>
  `<message xmlns='jabber:client' to='a@b.example'><body>${address}</body><x xmlns='jabber:x:oob'><url>${address}</url></x></message>`;

/** What stands for the address in a message as `sent` makes them. */
function sealedIn(after: string): string {
  const [, body, oob] = /<body>([^<]*)<\/body>.*<url>([^<]*)<\/url>/.exec(after)!;
  // Clients compare the two.
  expect(oob).toBe(body);
  return body!;
}

const seal = (address: string): string => sealedIn(pass(sealing(), sent(address)).after);

describe('an address of the provider', () => {
  it('is sealed for the gatekeeper, in body and attachment alike', () => {
    expect(seal(picture)).toMatch(/^https:\/\/proxy\.example\/media\/[\w-]{200,}$/);
  });

  it('is the whole of a body without other words, whatever it ends with: clients compare it with the attachment', () => {
    expect(seal(`${picture}_`)).toMatch(/^https:\/\/proxy\.example\/media\/[\w-]+$/);
    expect(seal(`${picture}_`)).not.toBe(`${seal(picture)}_`);
  });

  it('has the same seal in the same scope, and another in another', () => {
    expect(seal(picture)).toBe(seal(picture));
    const to = (peer: string): string =>
      sealedIn(pass(sealing('conversation'), sent(picture).replace('a@b.example', peer)).after);
    expect(to('a@b.example')).toBe(to('a@b.example'));
    expect(to('a@b.example')).not.toBe(to('c@b.example'));
  });

  it('is opened on its return: in copies, archives, events and echoed errors', () => {
    const there = pass(sealing(), sent(picture)).after;
    for (const wrap of wraps) expect(pass(opening(), wrap(there)).after).toBe(wrap(sent(picture)));
    const echo = there.replace("to='a@b.example'", "from='a@b.example' type='error'");
    expect(pass(opening(), echo).after).toContain(picture);
  });

  it('is not sealed twice', () => {
    const once = pass(sealing(), sent(picture)).after;
    expect(pass(sealing(), once).after).toBe(once);
  });

  it('keeps its query or fragment sealed', () => {
    const whole = `${picture}?sig=1&amp;w=2#page`;
    const after = pass(sealing(), sent(whole)).after;
    expect(after).not.toMatch(/sig=|#page/);
    expect(pass(opening(), after).after).toBe(sent(whole));
  });

  it('is removed when the proxy could not fetch it', () => {
    for (const other of [
      'http://media.provider.example/u/17/x',
      'https://media.provider.example:8443/u/17/x',
      'https://u:p@media.provider.example/u/17/x',
      'ftp://media.provider.example/u/17/x',
      `${mediaHost}/${'x'.repeat(addressCharsMax)}`,
    ])
      expect(pass(sealing(), sent(other)).after).toBe(
        "<message xmlns='jabber:client' to='a@b.example'><body></body><x xmlns='jabber:x:oob'></x></message>",
      );
  });

  it('is found among the words of a text, without the punctuation after it', () => {
    const text = (address: string): string =>
      `<message><body>Look (${address}), or ${address}! &lt;3</body></message>`;
    const token = seal(picture);
    expect(pass(sealing(), text(picture)).after).toBe(text(token));
    expect(pass(opening(), text(token)).after).toBe(text(picture));
  });

  it('is sealed so many times in one stanza; one with more is refused', () => {
    const { min, max, bytesEach } = sealedAddresses;
    const many = (count: number, filling = 0): string =>
      `<message to='a@b'><body>${'x'.repeat(filling)} ${Array.from({ length: count }, (_, n) => `${mediaHost}/${n}`).join(' ')}</body></message>`;
    for (const [most, filling] of [
      [min, 0],
      [max, max * bytesEach],
    ] as const) {
      const within = pass(sealing(), many(most, filling)).after;
      expect(within.split(sealedBase)).toHaveLength(most + 1);
      const { after, reply } = pass(sealing(), many(most + 1, filling));
      expect(after).toBe('');
      expect(reply).toContain('<policy-violation ');
      expect(reply).not.toContain('media.provider.example');
    }
  });

  it('counts once when it is written again, and others do not count', () => {
    const files = Array.from({ length: sealedAddresses.min }, (_, n) => `${mediaHost}/${n}`);
    const text = `<body>${[...files, 'https://elsewhere.example/x'].join(' ')}</body>`;
    const oob = files.map((url) => `<x xmlns='jabber:x:oob'><url>${url}</url></x>`).join('');
    const { after } = pass(sealing(), `<message to='a@b'>${text}${oob}</message>`);
    expect(after.split(sealedBase)).toHaveLength(2 * files.length + 1);
    expect(after).toContain('https://elsewhere.example/x');
  });

  it('is counted where it was hidden, and nowhere else', () => {
    const decider = sealing();
    const fields = (text: string): string[] =>
      decider.decide(wire.parse(text, names)).decisions.map(({ field }) => field);
    const isMedia = (field: string): boolean => field === 'content.media-url';
    expect(fields(sent(picture)).filter(isMedia)).toHaveLength(2);
    expect(fields(sent('https://elsewhere.example/x')).filter(isMedia)).toEqual([]);
    expect(
      fields("<message to='a@b.example'><body>at 10:30, perhaps</body></message>").filter(isMedia),
    ).toEqual([]);
  });
});

describe('an address among the words of a text other than the body', () => {
  const text = `See ${picture}, please.`;
  const places: Readonly<Record<string, string>> = {
    'a subject': `<message to='a@b'><subject>${text}</subject><body>x</body></message>`,
    'a status': `<presence><status>${text}</status></presence>`,
    'the reason of an invitation (XEP-0249)': `<message to='a@b'><x xmlns='jabber:x:conference' jid='r@m' reason='${text}'/></message>`,
    'the reason of a mediated one (XEP-0045)': `<message to='r@m'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'><reason>${text}</reason></invite></x></message>`,
    'the reason of a ban': `<iq type='set' id='i' to='r@m'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='a@b'><reason>${text}</reason></item></query></iq>`,
    'the reason of closing a room': `<iq type='set' id='i' to='r@m'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy><reason>${text}</reason></destroy></query></iq>`,
    'the end of a call (XEP-0166)': `<iq type='set' id='i' to='a@b/c'><jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s'><reason><gone/><text>${text}</text></reason></jingle></iq>`,
    'a report (XEP-0377)': `<iq type='set' id='i'><block xmlns='urn:xmpp:blocking'><item jid='a@b'><report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'><text>${text}</text></report></item></block></iq>`,
    'another form of the text (XEP-0481)': `<message to='a@b'><body>x</body><content xmlns='urn:xmpp:content' type='text/markdown'>${text}</content></message>`,
  };

  it.each(Object.entries(places))('is sealed, and comes back: %s', (_, given) => {
    const { after } = pass(sealing(), given);
    expect(after).not.toContain(mediaHost);
    expect(after).toMatch(/See https:\/\/proxy\.example\/media\/[\w-]{200,}, please\./);
    expect(pass(opening(), after).after).toContain(text);
  });

  it('with the key of a file is refused in an attribute, too', () => {
    const key = `aesgcm://${new URL(mediaHost).host}/f#${'0'.repeat(88)}`;
    const { after, reply } = pass(
      sealing(),
      `<message to='a@b'><x xmlns='jabber:x:conference' jid='r@m' reason='${key}'/></message>`,
    );
    expect(after).toBe('');
    expect(reply).toContain('policy-violation');
  });
});

describe('texts that are not media addresses', () => {
  it.each([
    ['another server', sent('https://elsewhere.example/u/17/holiday.jpg')],
    ['a server whose name has the same end', sent('https://xmedia.provider.example/u')],
    ['a text with the name inside', sent('https://media.provider.example.elsewhere.example/u')],
    ['a room', sent('xmpp:room@media.provider.example?join')],
    ['a text with colons', "<message to='a@b'><body>a: b:// c:/d ://</body></message>"],
    [
      'an encrypted payload',
      `<message to='a@b'><encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>${picture}</payload></encrypted></message>`,
    ],
    [
      'a place to upload to',
      `<iq type='result' id='u' from='up.b'><slot xmlns='urn:xmpp:http:upload:0'><put url='${picture}'/><get url='${picture}'/></slot></iq>`,
    ],
  ])('passes untouched: %s', (_, text) => {
    expect(pass(sealing(), text).after).toBe(text);
  });

  it('is everything, when there are no media servers', () => {
    const without = new Decider(
      new CompiledPolicy(policy(), { catalogue, names, pseudonyms }),
      'to-gatekeeper',
      context,
      { clock: () => today, random: () => 1 },
    );
    expect(pass(without, sent(picture)).after).toBe(sent(picture));
  });
});

describe('an address with the key of a file in it (XEP-0454)', () => {
  const key = `aesgcm://media.provider.example/x#${'ab'.repeat(44)}`;

  it('does not leave outside encryption: the message is refused', () => {
    const { after, reply } = pass(sealing(), sent(key));
    expect(after).toBe('');
    expect(reply).toContain('<policy-violation ');
    expect(reply).not.toContain('abab');
  });

  it('is removed with its element where no error can be sent', () => {
    const nested = `<message to='a@b'><body>hi</body><forwarded xmlns='urn:xmpp:forward:0'>${sent(key)}</forwarded></message>`;
    expect(pass(sealing(), nested).after).not.toContain('aesgcm');
  });
});

describe('an address of the gatekeeper', () => {
  const stored = 'https://up.gatekeeper.example/s/9';
  const seen = pass(deciderFor(forClients, 'to-client'), sent(stored)).after;

  it('is sealed for the client, who fetches it through the proxy', () => {
    expect(sealedIn(seen)).toMatch(/^https:\/\/proxy\.example\/media\//);
  });

  it('is opened when the client sends it on', () => {
    expect(pass(deciderFor(forClients, 'to-gatekeeper'), seen).after).toBe(sent(stored));
  });

  it('is not mistaken for one that was sealed for the gatekeeper', () => {
    expect(pass(opening(), seen).after).toBe(seen);
  });
});

/** Wherever an address can be outside a message, written by a writer. */
const places: readonly ((address: string, write: Writer) => string)[] = [
  (a, { text }) => `<body>${text(a)}</body>`,
  (a, { text }) => `<body>see ${text(a)}</body><subject>${text(a)}</subject>`,
  (a, { text }) => `<body>.</body><x xmlns='jabber:x:oob'><url>${text(a)}</url><desc>${text(a)}</desc></x>`,
  (a, { attribute }) =>
    `<file-sharing xmlns='urn:xmpp:sfs:0'><sources><url-data xmlns='http://jabber.org/protocol/url-data' target='${attribute(a)}'/></sources></file-sharing>`,
  (a, { attribute }) =>
    `<body>.</body><reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'><sources><reference xmlns='urn:xmpp:reference:0' type='data' uri="${attribute(a)}"/></sources></media-sharing></reference>`,
  (a, { attribute }) =>
    `<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><thumbnail xmlns='urn:xmpp:thumbs:1' uri='${attribute(a)}'/></file></file-sharing>`,
  (a, { text, attribute }) =>
    `<body>.</body><metadata xmlns='urn:xmpp:avatar:metadata'><info id='1' type='image/png' url='${attribute(a)}'/></metadata><vCard xmlns='vcard-temp'><PHOTO><EXTVAL>${text(a)}</EXTVAL></PHOTO></vCard><vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><photo><uri>${text(a)}</uri></photo></vcard>`,
  (a, { text, attribute }) =>
    `<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>${text(a)}<p>${text(a)} <a href='${attribute(a)}'>${text(a)}</a><img src='${attribute(a)}'/></p></body></html>`,
];

/** The same server, as addresses can name it. */
const spellings: readonly ((secret: string) => string)[] = [
  (s) => `https://media.provider.example/${s}`,
  (s) => `HTTPS://Media.PROVIDER.example:443/${s}?a=b`,
  (s) => `https://media.provider.example:8443/${s}`,
  (s) => `http://media.provider.example/${s}`,
  (s) => `https://media.provider.example./${s}`,
  (s) => `https://${s}@media.provider.example/`,
  (s) => `https://media%2Eprovider.example/${s}`,
  (s) => `ftp://media.provider.example/${s}#${s}`,
  (s) => `aesgcm://media.provider.example/${s}`,
];

describe('under the policy', () => {
  it('no address of the provider is in any byte that the gatekeeper receives, however it is written', () => {
    const decider = sealing();
    const secret = fc
      .string({ unit: fc.constantFrom(...'abcdefghjkmnpqrstuvwxyz23456789'), minLength: 14, maxLength: 20 })
      .map((text) => `zq${text}`);
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.constantFrom(...spellings),
        fc.constantFrom(...writers),
        fc.constantFrom(...wraps),
        secret,
        (place, spell, write, wrap, value) => {
          const address = spell(value);
          const given = wrap(`<message xmlns='jabber:client' to='a@b'>${place(address, write)}</message>`);
          expect(everything(given)).toContain(value);
          const { after, reply } = pass(decider, given);
          for (const bytes of [after, reply]) {
            expect(everything(bytes)).not.toContain(value);
            expect(everything(bytes).toLowerCase()).not.toContain('media.provider.example');
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('every sealed address is opened to the original', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places.slice(0, 6)), fc.webPath(), (place, path) => {
        const address = new URL(`${mediaHost}/p${path}`).href;
        const plain: Writer = {
          text: (v) => v.replaceAll('&', '&amp;'),
          attribute: (v) => v.replaceAll('&', '&amp;').replaceAll("'", '&apos;'),
        };
        fc.pre(!/[.,;:!?)\]}'*_~]$/.test(address));
        const given = `<message xmlns='jabber:client' to='a@b'>${place(address, plain)}</message>`;
        const { after } = pass(sealing(), given);
        expect(after).toContain(sealedBase);
        expect(everything(pass(opening(), after).after)).toBe(everything(given));
      }),
      { numRuns: 300 },
    );
  });
});

describe('check', () => {
  it('refuses a rule that hides nothing, where there are no media servers', () => {
    const text = policyText(`{ gatekeeper: { ${rule('gatekeeper')} } }`);
    expect(complaints(text, { media: false })).toContain(
      'p.yaml:7:30: error ERR_POLICY_MEDIA content.media-url: hides nothing: no media servers are configured whose addresses could be sealed. Add `provider.media` and `http` to narthex.yaml, or remove the rule',
    );
    expect(complaints(text, { media: true }).filter((line) => line.includes('error'))).toEqual([]);
    expect(complaints(text).filter((line) => line.includes('error'))).toEqual([]);
  });

  it('allows it to be inherited: the addresses that exist are hidden', () => {
    const text = policyText('{ gatekeeper: { presence.show: drop } }').replace('passthrough', 'balanced');
    expect(complaints(text, { media: false }).filter((line) => line.includes('error'))).toEqual([]);
  });

  it('warns of the features that it breaks', () => {
    expect(complaints(policyText(`{ gatekeeper: { ${rule('gatekeeper')} } }`)).join('\n')).toMatch(
      /WARN_POLICY_BREAKS content\.media-url: pseudonymise breaks: .*aesgcm/,
    );
  });
});
