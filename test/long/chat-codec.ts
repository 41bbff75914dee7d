import { isDeepStrictEqual } from 'node:util';
import type { JsonNode } from '../../src/chat/json-node.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { NodeGenerator } from '../chat/node-generator.ts';
import { codecPeers, knownDifference } from '../chat/peers.ts';
import { Random } from '../support/random.ts';
import type { LongRun } from './long-run.ts';

/** Nodes through our codec and both peers', in both directions. */
export const longRun: LongRun = {
  name: 'chat-codec',
  summary: 'the chat channel’s codec against two implementations, both directions',
  unit: 'nodes',
  count: 100_000,
  async run({ count, seed, progress }) {
    const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });
    const random = new Random(seed);
    const common = new NodeGenerator(random, { kinds: 'common' });
    const all = new NodeGenerator(random, { kinds: 'all' });
    const failures: string[] = [];
    const skipped: Record<string, number> = {};
    let compared = 0;
    for (let done = 0; done < count; done += 1) {
      progress(done);
      const node = (done % 2 === 0 ? common : all).node();
      const hex = codec.encode(JSON.stringify(node), 'json');
      const own = JSON.parse(codec.decode(hex, 'json')) as JsonNode;
      if (!isDeepStrictEqual(own, withoutEmptyLists(node))) failures.push(`own: ${JSON.stringify(node)}`);
      if (codec.encode(codec.decode(hex, 'xml'), 'xml') !== hex)
        failures.push(`XML: ${JSON.stringify(node)}`);
      const reason = knownDifference(node);
      if (reason !== undefined) {
        skipped[`not compared: ${reason}`] = (skipped[`not compared: ${reason}`] ?? 0) + 1;
        continue;
      }
      compared += 1;
      for (const peer of codecPeers) {
        if (peer.encode(node) !== hex)
          failures.push(`${peer.name} writes otherwise: ${JSON.stringify(node)}`);
        if (!isDeepStrictEqual(await peer.decode(hex), own))
          failures.push(`${peer.name} reads otherwise: ${JSON.stringify(node)}`);
      }
    }
    return { figures: { 'compared with both': compared, ...skipped }, failures };
  },
};

function withoutEmptyLists({ tag, attrs, content }: JsonNode): JsonNode {
  if (!Array.isArray(content)) return { tag, attrs, content };
  return { tag, attrs, content: content.length === 0 ? null : content.map(withoutEmptyLists) };
}
