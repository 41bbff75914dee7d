import { expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import { answerRequest, capsElement, capsHash, capsHashOf, type Software } from '../../src/simulator/caps.ts';
import { attribute, elements } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { serialise } from '../../src/simulator/xml/write.ts';
import { psi } from '../capabilities/disco-xml.ts';

/** The simple example of XEP-0115 §5.2. */
const exodus: Software = {
  node: 'http://code.google.com/p/exodus',
  name: 'Exodus 0.9.1',
  type: 'pc',
  features: [
    'http://jabber.org/protocol/muc',
    'http://jabber.org/protocol/disco#items',
    'http://jabber.org/protocol/disco#info',
    'http://jabber.org/protocol/caps',
  ],
};

it('hashes the example of XEP-0115', () => {
  expect(capsHash(exodus)).toBe('QgayPKawpkPSDYmwT/WM94uAlu0=');
  expect(attribute(capsElement(exodus), 'ver')).toBe('QgayPKawpkPSDYmwT/WM94uAlu0=');
});

it('hashes other parties’ results, languages and forms included', () => {
  const [query] = elements(parseElement(psi)!);
  expect(capsHashOf(query!)).toBe('q07IKJEyjvHSyhy//CH0CxmKi8w=');
});

it('answers disco#info with the node of the request', () => {
  const node = `${exodus.node}#${capsHash(exodus)}`;
  const asked = parseElement(
    `<iq type='get' id='1' from='a@b/c'><query xmlns='${ns.discoInfo}' node='${node}'/></iq>`,
  )!;
  const answer = answerRequest(exodus, asked);
  expect(serialise(answer)).toMatch(/^<iq id='1' to='a@b\/c' type='result'>/);
  expect(attribute(elements(answer)[0]!, 'node')).toBe(node);
});

it.each([
  `<iq type='get' id='1' from='a@b/c'><query xmlns='jabber:iq:version'/></iq>`,
  `<iq type='set' id='1' from='a@b/c'><query xmlns='${ns.discoInfo}'/></iq>`,
])('answers anything else with an error: %s', (asked) => {
  expect(serialise(answerRequest(exodus, parseElement(asked)!))).toContain('<service-unavailable');
});
