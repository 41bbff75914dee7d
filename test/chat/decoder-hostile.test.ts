import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/chat/decoder.ts';
import { ChatError } from '../../src/chat/error.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { Random } from '../support/random.ts';
import { NodeGenerator } from './node-generator.ts';

const decoder = new Decoder({ limits: defaultChatLimits, interopServer: 'required' });

/** The XML of a frame, or the code it is refused with. */
function read(frame: Uint8Array): string {
  try {
    return decoder.decode(frame).toString();
  } catch (error) {
    if (error instanceof ChatError) return error.code;
    throw error;
  }
}

const plain = (...bytes: readonly number[]): string => read(Buffer.from([0, ...bytes]));
const compressed = (node: Uint8Array): Buffer => Buffer.concat([Buffer.from([2]), deflateSync(node)]);
/** 19 is `message`, 8 `id`, 17 `to`. */
const message = [0xf8, 1, 19];
const raw = (text: string): number[] => [0xfc, text.length, ...Buffer.from(text)];

describe('frames of an honest server', () => {
  it.each<[string, readonly number[], string]>([
    ['no content', message, '<message/>'],
    ['a list of 16 bits', [0xf9, 0, 1, 19], '<message/>'],
    ['an empty list', [0xf8, 2, 19, 0], '<message/>'],
    ['a list of no children', [0xf8, 2, 19, 0xf8, 0], '<message/>'],
    ['an empty value', [0xf8, 3, 19, 8, 0], `<message id=''/>`],
    ['an empty text', [0xf8, 3, 19, 8, 0xfc, 0], `<message id=''/>`],
    ['nibbles', [0xf8, 3, 19, 8, 0xff, 0x82, 0x1a, 0xbf], `<message id='1-.'/>`],
    ['hexadecimal', [0xf8, 3, 19, 8, 0xfb, 1, 0xaf], `<message id='AF'/>`],
    ['bytes', [0xf8, 2, 19, 0xfc, 2, 0, 255], '<message>AP8=</message>'],
    [
      'bytes of 20 bits, whose upper bits are ignored',
      [0xf8, 2, 19, 0xfd, 0xf0, 0, 1, 65],
      '<message>QQ==</message>',
    ],
    ['bytes of 32 bits', [0xf8, 2, 19, 0xfe, 0, 0, 0, 1, 65], '<message>QQ==</message>'],
    ['no bytes', [0xf8, 2, 19, 0xfc, 0], `<message n:content='bytes'/>`],
    ['text', [0xf8, 2, 19, 8], `<message n:content='text'>id</message>`],
    ['a pair', [0xf8, 3, 19, 17, 0xfa, 0xff, 1, 0x12, 3], `<message to='12@s.whatsapp.net'/>`],
    ['a pair without a user', [0xf8, 3, 19, 17, 0xfa, 0, 3], `<message to='@s.whatsapp.net'/>`],
    ['a device', [0xf8, 3, 19, 17, 0xf7, 1, 9, 0xff, 1, 0x12], `<message to='12:9@lid'/>`],
    ['device 0', [0xf8, 3, 19, 17, 0xf7, 0, 0, 0xff, 1, 0x12], `<message to='12@s.whatsapp.net'/>`],
    ['a hosted device', [0xf8, 3, 19, 17, 0xf7, 129, 9, 0xff, 1, 0x12], `<message to='12:9@hosted.lid'/>`],
    [
      'an interop JID',
      [0xf8, 3, 19, 17, 0xf5, 0xff, 1, 0x12, 1, 2, 0, 7, ...raw('interop')],
      `<message to='7-12:258@interop'/>`,
    ],
    ['an attribute xmlns', [0xf8, 3, 19, ...raw('xmlns'), ...raw('w:m')], `<message n:xmlns='w:m'/>`],
    ['a tag with a colon', [0xf8, 1, ...raw('a:b')], `<n:node tag='a:b'/>`],
    [
      'characters that XML lacks',
      [0xf8, 3, 19, 8, ...raw('\u0001')],
      `<message><n:a name='id' b64='AQ=='/></message>`,
    ],
    ['a tag that XML lacks', [0xf8, 1, ...raw('\u0001')], `<n:node tag64='AQ=='/>`],
    [
      'white space and quotes',
      [0xf8, 3, 19, 8, ...raw(`\t\n\r'"<&>`)],
      `<message id='&#9;&#10;&#13;&apos;&quot;&lt;&amp;&gt;'/>`,
    ],
  ])('%s', (_, bytes, xml) => {
    expect(plain(...bytes)).toBe(xml);
    expect(read(compressed(Buffer.from(bytes)))).toBe(xml);
  });
});

describe('frames that are refused', () => {
  it.each<[string, readonly number[], string]>([
    ['nothing', [], 'ERR_CHAT_TRUNCATED'],
    ['no list', [19], 'ERR_CHAT_NODE'],
    ['a list of nothing', [0xf8, 0], 'ERR_CHAT_NODE'],
    ['an empty tag', [0xf8, 1, 0], 'ERR_CHAT_NODE'],
    ['an empty name', [0xf8, 3, 19, 0, 8], 'ERR_CHAT_NODE'],
    ['an unassigned value', [0xf8, 3, 19, 8, 240], 'ERR_CHAT_VALUE'],
    ['a list as a value', [0xf8, 3, 19, 8, 0xf8, 0], 'ERR_CHAT_VALUE'],
    ['bytes after the node', [...message, 0], 'ERR_CHAT_TRAILING'],
    ['an attribute twice', [0xf8, 5, 19, 8, 8, 8, 8], 'ERR_CHAT_DUPLICATE_ATTRIBUTE'],
    ['an attribute twice in two forms', [0xf8, 5, 19, 8, 8, ...raw('id'), 8], 'ERR_CHAT_DUPLICATE_ATTRIBUTE'],
    ['nibbles that are none', [0xf8, 3, 19, 8, 0xff, 1, 0xcd], 'ERR_CHAT_PACKED'],
    ['padding in the middle', [0xf8, 3, 19, 8, 0xff, 2, 0x1f, 0x11], 'ERR_CHAT_PACKED'],
    ['padding that is none', [0xf8, 3, 19, 8, 0xff, 0x81, 0x11], 'ERR_CHAT_PACKED'],
    ['an odd number of no characters', [0xf8, 3, 19, 8, 0xff, 0x80], 'ERR_CHAT_PACKED'],
    ['no UTF-8', [0xf8, 3, 19, 8, 0xfc, 1, 0xff], 'ERR_CHAT_UTF8'],
    ['half a surrogate pair', [0xf8, 3, 19, 8, 0xfc, 3, 0xed, 0xa0, 0x80], 'ERR_CHAT_UTF8'],
    ['a JID in a JID', [0xf8, 3, 19, 17, 0xfa, 0xfa, 0, 3, 3], 'ERR_CHAT_JID'],
    ['a JID without a server', [0xf8, 3, 19, 17, 0xfa, 8, 0], 'ERR_CHAT_JID'],
    ['an @ in a user', [0xf8, 3, 19, 17, 0xfa, ...raw('a@b'), 3], 'ERR_CHAT_JID'],
    ['a device of an unknown domain', [0xf8, 3, 19, 17, 0xf7, 2, 9, 8], 'ERR_CHAT_JID'],
    ['an interop JID elsewhere', [0xf8, 3, 19, 17, 0xf5, 8, 0, 0, 0, 0, 3], 'ERR_CHAT_JID'],
    ['a length of 32 bits with its sign', [0xf8, 2, 19, 0xfe, 0xff, 0xff, 0xff, 0xff], 'ERR_CHAT_TRUNCATED'],
    ['more children than bytes', [0xf8, 2, 19, 0xf9, 0xff, 0xff, ...message], 'ERR_CHAT_TRUNCATED'],
    ['more attributes than bytes', [0xf8, 100, 19, 8, 8], 'ERR_CHAT_TRUNCATED'],
    ['more attributes than the limit', [0xf9, 1, 4, 19, ...Buffer.alloc(600, 8)], 'ERR_CHAT_ATTRIBUTE_COUNT'],
    ['a long name', [0xf8, 1, 0xfd, 0, 4, 1, ...Buffer.alloc(1025, 'x')], 'ERR_CHAT_NAME_SIZE'],
    ['a long value', [0xf8, 3, 19, 8, 0xfd, 0, 0x40, 1, ...Buffer.alloc(16_385, 'x')], 'ERR_CHAT_VALUE_SIZE'],
  ])('%s', (_, bytes, code) => {
    expect(plain(...bytes)).toBe(code);
  });

  it('flags and compression that are not exactly right', () => {
    expect(read(Buffer.alloc(0))).toBe('ERR_CHAT_TRUNCATED');
    for (const flag of [1, 3, 4, 128]) expect(read(Buffer.from([flag, ...message]))).toBe('ERR_CHAT_FLAGS');
    const frame = compressed(Buffer.from(message));
    expect(read(Buffer.concat([frame, Buffer.from([0])]))).toBe('ERR_CHAT_TRAILING');
    expect(read(Buffer.concat([frame, frame]))).toBe('ERR_CHAT_TRAILING');
    expect(read(frame.subarray(0, -1))).toBe('ERR_CHAT_COMPRESSION');
    expect(read(Buffer.from([2, ...message]))).toBe('ERR_CHAT_COMPRESSION');
    expect(read(compressed(compressed(Buffer.from(message))))).toBe('ERR_CHAT_NODE');
  });

  it('bombs: depth, nodes, inflated bytes', () => {
    const nested = (depth: number): Buffer =>
      Buffer.concat([
        ...Array.from({ length: depth - 1 }, () => Buffer.from([0xf8, 2, 19, 0xf8, 1])),
        Buffer.from(message),
      ]);
    expect(plain(...nested(128))).toMatch(/^<message>/);
    expect(plain(...nested(129))).toBe('ERR_CHAT_DEPTH');
    expect(read(compressed(nested(200_000)))).toBe('ERR_CHAT_DEPTH');
    const wide = (count: number): Buffer =>
      Buffer.concat([
        Buffer.from([0xf8, 2, 19, 0xf9, count >> 8, count & 255]),
        ...Array.from({ length: count }, () => Buffer.from(message)),
      ]);
    expect(read(compressed(wide(9999)))).toMatch(/^<message>/);
    expect(read(compressed(wide(10_000)))).toBe('ERR_CHAT_NODE_COUNT');
    expect(read(compressed(Buffer.alloc(64 * 1024 * 1024)))).toBe('ERR_CHAT_INFLATED_SIZE');
    const long = Buffer.concat([
      Buffer.from([0xf8, 2, 19, 0xf9, 0x20, 0]),
      Buffer.alloc(24_576 * 3, Buffer.from([0xf8, 1, 0xed])),
    ]);
    expect(read(compressed(long))).toMatch(/^ERR_CHAT_/);
  });

  it('XML that would be larger than its limit', () => {
    const small = new Decoder({
      limits: { ...defaultChatLimits, xmlBytesMax: 2000 },
      interopServer: 'required',
    });
    const content = Buffer.concat([Buffer.from([0, 0xf8, 2, 19, 0xfd, 0, 8, 0]), Buffer.alloc(2048)]);
    expect(() => small.decode(content)).toThrow(new ChatError('ERR_CHAT_XML_SIZE'));
    expect(small.decode(Buffer.from([0, ...message])).toString()).toBe('<message/>');
  });
});

describe('arbitrary and changed frames', () => {
  const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });

  /** Decodes; what is accepted must be canonical and stable when written again. */
  function check(frame: Buffer): boolean {
    let xml: string;
    try {
      xml = codec.decode(frame.toString('hex'), 'xml');
    } catch (error) {
      if (error instanceof ChatError) return false;
      throw error;
    }
    const hex = codec.encode(xml, 'xml');
    expect(codec.encode(codec.decode(hex, 'xml'), 'xml')).toBe(hex);
    return true;
  }

  it('are refused with a code, or read and written again', () => {
    const random = new Random(3);
    const generator = new NodeGenerator(random, { kinds: 'all', depthMax: 3 });
    let accepted = 0;
    for (let run = 0; run < 3000; run += 1) {
      const frame = Buffer.from(codec.encode(JSON.stringify(generator.node(2)), 'json'), 'hex');
      for (let change = 0; change < 2; change += 1) {
        const at = random.below(frame.length);
        if (random.once(3)) frame[at]! = random.below(256);
        else frame[at]! ^= 1 << random.below(8);
      }
      if (check(frame)) accepted += 1;
      check(frame.subarray(0, random.below(frame.length)));
      check(
        Buffer.from(
          Array.from({ length: 1 + random.below(40) }, () =>
            random.once(2) ? random.below(20) : 235 + random.below(21),
          ),
        ),
      );
    }
    expect(accepted).toBeGreaterThan(500);
  });
});
