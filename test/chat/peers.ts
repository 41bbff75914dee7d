/** The two implementations on npm that the codec is compared with, and what is known to differ. */
import { decodeBinaryNode, encodeBinaryNode } from 'baileys/lib/WABinary/index.js';
import { decodeNode, encodeNode } from 'whatsapp-rust-bridge';
import { compareAttributes } from '../../src/chat/attribute-order.ts';
import type { JsonNode } from '../../src/chat/json-node.ts';

/** A node as both of them have it. */
interface PeerNode {
  readonly tag: string;
  readonly attrs: Record<string, string>;
  readonly content?: PeerNode[] | string | Uint8Array;
}

export interface CodecPeer {
  readonly name: string;
  encode(node: JsonNode): string;
  decode(hex: string): Promise<JsonNode>;
}

export const codecPeers: readonly CodecPeer[] = [
  {
    name: 'Baileys',
    encode: (node) => encodeBinaryNode(toPeer(node)).toString('hex'),
    decode: async (hex) => fromPeer((await decodeBinaryNode(Buffer.from(hex, 'hex'))) as PeerNode),
  },
  {
    name: 'whatsapp-rust-bridge',
    encode: (node) => Buffer.from(encodeNode(toPeer(node))).toString('hex'),
    decode: async (hex) => fromPeer(decodeNode(Buffer.from(hex, 'hex')) as PeerNode),
  },
];

/** They write attributes in the order of insertion, so they are given ours. */
function toPeer({ tag, attrs, content }: JsonNode): PeerNode {
  const ordered = Object.entries(attrs).toSorted(([one], [other]) => compareAttributes(one, other));
  const node = { tag, attrs: Object.fromEntries(ordered) };
  if (content === null) return node;
  if (typeof content === 'string') return { ...node, content: Buffer.from(content, 'base64') };
  return { ...node, content: 'text' in content ? content.text : content.map(toPeer) };
}

function fromPeer({ tag, attrs, content }: PeerNode): JsonNode {
  const node = { tag, attrs: { ...attrs } };
  if (content === undefined || content === null) return { ...node, content: null };
  if (typeof content === 'string') return { ...node, content: { text: content } };
  if (content instanceof Uint8Array) return { ...node, content: Buffer.from(content).toString('base64') };
  return { ...node, content: content.map(fromPeer) };
}

const plainJids = [
  /^[0-9]+@(s\.whatsapp\.net|lid|g\.us|broadcast|newsletter)$/,
  /^[0-9]+:([1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])@(s\.whatsapp\.net|lid|hosted|hosted\.lid)$/,
];

/** Why a node is not compared: what docs/chat-channel.md lists as read or written differently; undefined for the rest. */
export function knownDifference({ tag, attrs, content }: JsonNode): string | undefined {
  const texts = [tag, ...Object.keys(attrs), ...Object.values(attrs)];
  if (typeof content === 'object' && content !== null && 'text' in content) texts.push(content.text);
  // The bridge leaves out such attributes.
  if (content === '' || texts.some((text) => /^\p{White_Space}*$/u.test(text)))
    return 'an empty value, or white space alone';
  if (texts.some((text) => text.includes('@') && !plainJids.some((form) => form.test(text))))
    return 'a JID or what looks like one';
  // JavaScript puts such keys of an object first, whatever their order.
  if (Object.keys(attrs).some((name) => /^[0-9]+$/.test(name))) return 'an attribute named by a number';
  if (texts.some((text) => text.includes('\0'))) return 'U+0000';
  if (!Array.isArray(content)) return undefined;
  return content.length === 0
    ? 'an empty list'
    : content.map(knownDifference).find((reason) => reason !== undefined);
}
