/** Text that is not listed goes, also where an address in it was sealed before; and what a carried stanza has on its tag is no
 *  reason to refuse the stanza that carries it. */
import { expect, it } from 'vitest';
import { deciderFor, mediaHost, pass, policyOf, policyText } from './fixtures.ts';

const sealing = policyOf(
  policyText('{ gatekeeper: { content.media-url: { pseudonymise: { scope: gatekeeper, rotate: 1d } } } }'),
);

it.each([
  `marker ${mediaHost}/u/17/a.jpg`,
  `marker <![CDATA[${mediaHost}]]>/u/17/a.jpg`,
  `${mediaHost}/u/17/a.jpg<b xmlns='http://www.w3.org/1999/xhtml'/>marker ${mediaHost}/u/17/b.jpg`,
])('unlisted text with an address: %s', (text) => {
  const link = (inside: string): string => `<a xmlns='http://www.w3.org/1999/xhtml'>${inside}</a>`;
  const message = (inside: string): string => `<message to='a@b.example'><body>hi</body>${inside}</message>`;
  const { after } = pass(deciderFor(sealing, 'to-gatekeeper'), message(link(text)));
  expect(after).toMatch(
    /^<message to='a@b.example'><body>hi<\/body><a xmlns='http:\/\/www.w3.org\/1999\/xhtml'(\/>|><\/a>)<\/message>$/,
  );
});

it('an unlisted attribute of a carried stanza is removed where unlisted refuses', () => {
  const copy = (attribute: string): string =>
    `<message from='me@provider.example'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'${attribute} to='a@b.example'><body>hi</body></message></forwarded></received></message>`;
  const policy = policyOf(policyText('{}').replace('unlisted: drop', 'unlisted: refuse'));
  const { after, reply } = pass(deciderFor(policy, 'to-client'), copy(" secret='s'"));
  expect({ after, reply }).toEqual({ after: copy(''), reply: '' });
});
