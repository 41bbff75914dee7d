import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { JsonNode } from '../../src/chat/json-node.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { packNode, unpackNode, type ChatNode } from '../../src/simulator/chat/node.ts';
import { longRun } from '../long/chat-codec.ts';
import { Random } from '../support/random.ts';
import { NodeGenerator } from './node-generator.ts';

const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });

function toJson({ tag, attrs, content }: ChatNode): JsonNode {
  if (content === undefined) return { tag, attrs, content: null };
  if (typeof content === 'string') return { tag, attrs, content: { text: content } };
  if (content instanceof Uint8Array) return { tag, attrs, content: Buffer.from(content).toString('base64') };
  return { tag, attrs, content: content.map(toJson) };
}

describe("the simulator's codec", () => {
  it('reads what the product writes, and the reverse', () => {
    const generator = new NodeGenerator(new Random(9), { kinds: 'common' });
    for (let run = 0; run < 500; run += 1) {
      const node = generator.node();
      const read = unpackNode(Buffer.from(codec.encode(JSON.stringify(node), 'json'), 'hex'));
      expect(isDeepStrictEqual(toJson(read), node)).toBe(true);
      const back = JSON.parse(codec.decode(packNode(read).toString('hex'), 'json')) as JsonNode;
      expect(isDeepStrictEqual(back, node)).toBe(true);
    }
  });

  it('supports interop JIDs, with and without their server', () => {
    const node: JsonNode = { tag: 'message', attrs: { to: '7-5551:2@interop' }, content: null };
    const read = unpackNode(Buffer.from(codec.encode(JSON.stringify(node), 'json'), 'hex'));
    expect(toJson(read)).toEqual(node);
    expect(JSON.parse(codec.decode(packNode(read).toString('hex'), 'json'))).toEqual(node);
  });
});

describe('the codec and both peers', () => {
  it('agree (npm run long -- chat-codec)', async () => {
    const { figures, failures } = await longRun.run({ count: 1000, seed: 17, progress: () => {} });
    expect(failures).toEqual([]);
    expect(figures['compared with both']).toBeGreaterThan(400);
  });
});
