import { describe, expect, it } from 'vitest';
import { LineCodec } from '../../../src/chat/line-codec.ts';
import { packNode, unpackNode, type ChatNode } from '../../../src/simulator/chat/node.ts';
import { nodeOf, nodeXml } from '../../../src/simulator/chat/xml.ts';
import { StreamReader } from '../../../src/simulator/xml/reader.ts';
import { NodeGenerator } from '../../chat/node-generator.ts';
import { Random } from '../../support/random.ts';

const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });

/** Reads the text of a node inside of a chat stream. */
function read(xml: string): ChatNode {
  const reader = new StreamReader();
  reader.read(
    Buffer.from(
      `<stream:stream xmlns='urn:narthex:chat:0' xmlns:n='urn:narthex:chat:marks:0' ` +
        `xmlns:stream='http://etherx.jabber.org/streams'>`,
    ),
  );
  const { event } = reader.read(Buffer.from(xml));
  if (event.kind !== 'element') throw new Error(event.kind);
  return nodeOf(event.element);
}

describe("the simulator's XML form", () => {
  it('has the content that the proxy has, and the proxy reads what it writes', () => {
    const generator = new NodeGenerator(new Random(23), { kinds: 'common' });
    for (let run = 0; run < 500; run += 1) {
      const node = unpackNode(Buffer.from(codec.encode(JSON.stringify(generator.node()), 'json'), 'hex'));
      expect(read(codec.decode(packNode(node).toString('hex'), 'xml'))).toEqual(node);
      const written = nodeXml(node);
      expect(read(written)).toEqual(node);
      expect(unpackNode(Buffer.from(codec.encode(written, 'xml'), 'hex'))).toEqual(node);
    }
  });

  const odd: [string, ChatNode, string][] = [
    [
      'a tag that is no name',
      { tag: 'stream:error', attrs: { code: '515' } },
      `<n:node tag='stream:error' code='515'/>`,
    ],
    ['an attribute named xmlns', { tag: 'iq', attrs: { xmlns: 'w:p' } }, `<iq n:xmlns='w:p'/>`],
    ['no bytes', { tag: 'enc', attrs: {}, content: Buffer.alloc(0) }, `<enc n:content='bytes'/>`],
    ['marked text', { tag: 'status', attrs: {}, content: 'here' }, `<status n:content='text'>here</status>`],
    [
      'a character that XML lacks',
      { tag: 'message', attrs: { notify: '\u0001' }, content: '\u0002' },
      `<message n:content='text-base64'><n:a name='notify' b64='AQ=='/>Ag==</message>`,
    ],
    [
      'an attribute named tag, of a tag that is no name',
      { tag: 'a:b', attrs: { tag: 'x' } },
      `<n:node tag='a:b'><n:a name='tag' b64='eA=='/></n:node>`,
    ],
  ];
  it.each(odd)('marks %s', (_, node, xml) => {
    expect(nodeXml(node)).toBe(xml);
    expect(read(xml)).toEqual(node);
  });

  it.each([`<x xmlns='jabber:client'/>`, `<n:node/>`, `<a>A</a>`])('refuses %s', (xml) => {
    expect(() => read(xml)).toThrow('ERR_SIMULATOR_EXPECTATION');
  });
});
