import { describe, expect, it } from 'vitest';
import type { JsonNode } from '../../src/chat/json-node.ts';
import { ChatError } from '../../src/chat/error.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { Random } from '../support/random.ts';
import { NodeGenerator } from './node-generator.ts';

const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });

/** What is kept of a node that is written: no empty list of children. */
function kept({ tag, attrs, content }: JsonNode): JsonNode {
  if (!Array.isArray(content)) return { tag, attrs, content };
  return { tag, attrs, content: content.length === 0 ? null : content.map(kept) };
}

describe('the codec', () => {
  it('is lossless from JSON and from XML, and canonical', () => {
    const generator = new NodeGenerator(new Random(1), { kinds: 'all' });
    for (let run = 0; run < 3000; run += 1) {
      const node = generator.node();
      const hex = codec.encode(JSON.stringify(node), 'json');
      expect(JSON.parse(codec.decode(hex, 'json'))).toEqual(kept(node));
      const xml = codec.decode(hex, 'xml');
      expect(codec.encode(xml, 'xml')).toBe(hex);
      expect(codec.encode(codec.decode(hex, 'json'), 'json')).toBe(hex);
    }
  });
});

/** The frame of a line of XML, in hexadecimal, or the code it is refused with. */
function encoded(xml: string, using = codec): string {
  try {
    return using.encode(xml, 'xml');
  } catch (error) {
    if (error instanceof ChatError || error instanceof StreamError) return error.code;
    throw error;
  }
}

/** Whether a text is written as a JID; what it reads back as is the text in any case. */
function valueOf(text: string, using = codec): string {
  const hex = using.encode(JSON.stringify({ tag: 'message', attrs: { to: text }, content: null }), 'json');
  expect(JSON.parse(using.decode(hex, 'json')).attrs).toEqual({ to: text });
  return hex.slice('00f8031311'.length);
}

describe('values', () => {
  it.each([
    ['a token of one byte', 'message', '13'],
    ['a token of two bytes', 'read-self', 'ec00'],
    ['digits', '5551', 'ff025551'],
    ['an odd number of digits', '1-.', 'ff821abf'],
    ['127 digits', '9'.repeat(127), `ffc0${'9'.repeat(127)}f`],
    ['128 digits', '9'.repeat(128), `fc80${'39'.repeat(128)}`],
    ['hexadecimal', 'AF', 'fb01af'],
    ['hexadecimal in lower case', 'af', 'fc026166'],
    ['nothing', '', 'fc00'],
    ['text', 'Juliet', 'fc064a756c696574'],
    ['256 bytes', 'x'.repeat(256), `fd000100${'78'.repeat(256)}`],
    ['a user', '5551@s.whatsapp.net', 'faff02555103'],
    ['a server alone', '@s.whatsapp.net', 'fa0003'],
    ["a server's name", 's.whatsapp.net', '03'],
    ['a device', '5551:9@lid', 'f70109ff025551'],
    ['an interop JID', '7-5551:258@interop', 'f5ff02555101020007'],
    ['an interop JID of device 0', '7-5551@interop', 'f5ff02555100000007'],
    ['a messenger JID', '5551:9@msgr', 'f6ff0255510009cc'],
    ['a display name with an @', 'me@home', 'fc076d6540686f6d65'],
    ['device 0, written', '5:0@lid', 'fc07353a30406c6964'],
    ['a device out of range', '5:300@lid', 'fc09353a333030406c6964'],
    ['a device with a leading zero', '5:01@lid', 'fc08353a3031406c6964'],
    ['an agent', 'u_2:3@s.whatsapp.net', 'fc14755f323a3340732e77686174736170702e6e6574'],
    ['two @', 'a@b@lid', 'fc07614062406c6964'],
  ])('%s', (_, text, hex) => {
    expect(valueOf(text)).toBe(hex);
  });

  it('write the server of an interop JID as configured, and read it either way', () => {
    const sending = new LineCodec({ interopServer: { read: 'required', write: 'send' } });
    expect(valueOf('7-5551:2@interop', sending)).toBe('f5ff02555100020007fc07696e7465726f70');
    const node = { tag: 'message', attrs: { to: '7-12:2@interop', interop: '1' }, content: 'aW50ZXJvcA==' };
    for (const using of [codec, sending]) {
      expect(JSON.parse(using.decode(using.encode(JSON.stringify(node), 'json'), 'json'))).toEqual(node);
      const last = { ...node, attrs: { to: '7-12:2@interop' } };
      expect(JSON.parse(using.decode(using.encode(JSON.stringify(last), 'json'), 'json'))).toEqual(last);
    }
  });

  it('are lossless over all of Unicode, as names, values and tags', () => {
    const parts: string[] = [];
    for (let start = 0; start < 0x110000; start += 0x400) {
      const points = Array.from({ length: 0x400 }, (_, index) => start + index);
      parts.push(String.fromCodePoint(...points.filter((point) => point < 0xd800 || point > 0xdfff)));
    }
    const texts = [...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)), ...parts].filter(
      (text) => text !== '',
    );
    for (const text of texts) {
      const name = text.slice(0, 200).toWellFormed();
      const node = { tag: name, attrs: { [name]: text, id: text }, content: null };
      expect(JSON.parse(codec.decode(codec.encode(JSON.stringify(node), 'json'), 'json'))).toEqual(node);
    }
  });
});

describe('XML that has no form in the binary protocol', () => {
  it.each([
    ['another namespace', `<message xmlns='jabber:client'/>`, 'ERR_CHAT_NAMESPACE'],
    [
      'a child of another namespace',
      `<message><body xmlns='jabber:client'/></message>`,
      'ERR_CHAT_NAMESPACE',
    ],
    ['an attribute with a prefix', `<message xml:lang='en'/>`, 'ERR_CHAT_NAMESPACE'],
    ['an unknown mark', `<message n:other='1'/>`, 'ERR_CHAT_MARK'],
    ['an unknown content', `<message n:content='nodes'/>`, 'ERR_CHAT_MARK'],
    ['a mark of bytes that are there', `<message n:content='bytes'>QQ==</message>`, 'ERR_CHAT_MARK'],
    ['a mark and children', `<message n:content='text'><a/></message>`, 'ERR_CHAT_MARK'],
    ['an element of marks', `<n:other/>`, 'ERR_CHAT_MARK'],
    ['a mark for a tag that is a name', `<n:node tag='receipt'/>`, 'ERR_CHAT_MARK'],
    ['a tag in base64 that XML can represent', `<n:node tag64='YTpi'/>`, 'ERR_CHAT_MARK'],
    [
      'a mark for an attribute that XML can represent',
      `<presence><n:a name='name' b64='QQ=='/></presence>`,
      'ERR_CHAT_MARK',
    ],
    ['a name in base64 that XML can represent', `<a><n:a name64='YTpi' b64='AQ=='/></a>`, 'ERR_CHAT_MARK'],
    ['a text in base64 that XML can represent', `<a n:content='text-base64'>QQ==</a>`, 'ERR_CHAT_MARK'],
    ['a node without a tag', `<n:node/>`, 'ERR_CHAT_MARK'],
    ['a node of two tags', `<n:node tag='a' tag64='Yg=='/>`, 'ERR_CHAT_MARK'],
    ['a marked attribute without a value', `<message><n:a name='x'/></message>`, 'ERR_CHAT_MARK'],
    ['a marked attribute without a name', `<message><n:a b64='QQ=='/></message>`, 'ERR_CHAT_MARK'],
    [
      'a marked attribute that is not leading',
      `<message><a/><n:a name='x' b64='QQ=='/></message>`,
      'ERR_CHAT_MARK',
    ],
    [
      'an attribute in two places',
      `<message id='1'><n:a name='id' b64='AQ=='/></message>`,
      'ERR_CHAT_DUPLICATE_ATTRIBUTE',
    ],
    ['text and children', `<message>QQ==<a/></message>`, 'ERR_CHAT_MIXED_CONTENT'],
    ['white space and children', `<message> <a/></message>`, 'ERR_CHAT_MIXED_CONTENT'],
    ['text that is no base64', `<message>hello, world</message>`, 'ERR_CHAT_BASE64'],
    ['base64 without padding', `<message>QQ</message>`, 'ERR_CHAT_BASE64'],
    ['base64 with other trailing bits', `<message>QR==</message>`, 'ERR_CHAT_BASE64'],
    ['base64 with white space', `<message>QQ==\t</message>`, 'ERR_CHAT_BASE64'],
    [
      'base64 of a value that is no UTF-8',
      `<message><n:a name='x' b64='/w=='/></message>`,
      'ERR_CHAT_BASE64',
    ],
    [
      'text that the wire cannot mark as text',
      `<message n:content='text'>hello</message>`,
      'ERR_CHAT_TEXT_CONTENT',
    ],
    ['a name over the limit', `<message ${'x'.repeat(1025)}='1'/>`, 'ERR_NAME_TOO_LONG'],
    ['a value over the limit', `<message id='${'x'.repeat(16_385)}'/>`, 'ERR_CHAT_VALUE_SIZE'],
    ['two elements', `<message/><message/>`, 'ERR_CHAT_LINE'],
    ['no element', ``, 'ERR_CHAT_LINE'],
    ['half an element', `<message>`, 'ERR_CHAT_LINE'],
    ['no XML', `<message a=1/>`, 'ERR_XML_NOT_WELL_FORMED'],
    ['an entity', `<message id='&x;'/>`, 'ERR_XML_NOT_WELL_FORMED'],
  ])('%s', (_, xml, code) => {
    expect(encoded(xml)).toBe(code);
  });

  it('JSON that is no node', () => {
    for (const line of [
      '',
      '{}',
      '[]',
      '1',
      '{"tag":"","attrs":{}}',
      '{"tag":"a","attrs":[]}',
      '{"tag":"a","attrs":{"b":1}}',
      '{"tag":"a","attrs":{},"content":1}',
      '{"tag":"a","attrs":{},"content":[1]}',
      '{"tag":"a","attrs":{},"more":1}',
      '{"tag":"\\ud800","attrs":{}}',
      '{"tag":"a","attrs":{},"content":"<"}',
    ])
      expect(() => codec.encode(line, 'json')).toThrow(new ChatError('ERR_CHAT_JSON'));
    expect(() => codec.encode('{"tag":"a","attrs":{},"content":"QQ"}', 'json')).toThrow(
      new ChatError('ERR_CHAT_BASE64'),
    );
  });
});

describe('a line of XML', () => {
  it('declares both namespaces, and may be read without', () => {
    const hex = codec.encode(`<message id='1'/>`, 'xml');
    const line = codec.decode(hex, 'xml');
    expect(line).toBe(`<message xmlns='urn:narthex:chat:0' xmlns:n='urn:narthex:chat:marks:0' id='1'/>`);
    expect(codec.encode(line, 'xml')).toBe(hex);
  });

  it('gives the same frame for every order of attributes', () => {
    const orders = [`id='1' to='2' type='3' x='4' b='5'`, `b='5' x='4' type='3' to='2' id='1'`];
    expect(new Set(orders.map((attributes) => codec.encode(`<message ${attributes}/>`, 'xml'))).size).toBe(1);
  });
});
