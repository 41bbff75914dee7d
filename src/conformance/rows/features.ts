/** Milestone 4: media, receipts, replies, reactions, typing, blocking. What is inside the encryption is not seen here: a
 *  reply is a message, and a reaction one of its own type. */
import type { ChatNode } from '../../simulator/chat/node.ts';
import type { Row } from '../row.ts';
import type { Deployment } from '../deployment.ts';
import { awaitNode, message, receipt, request } from '../exchange.ts';
import { expectThat } from '../finding.ts';
import { isOf } from './messages.ts';

export const featureRows: readonly Row[] = [
  {
    id: 'media',
    milestone: 4,
    title: 'a stored file can be fetched by its reference, and in parts',
    needs: [],
    async run(deployment) {
      const { status, body } = await deployment.getMedia();
      expectThat(
        status === 206 && body.length === 1,
        `the first byte of the file is answered with ${status}`,
      );
    },
  },
  {
    id: 'delivery-receipt',
    milestone: 4,
    title: 'the delivery receipt of the peer arrives',
    needs: ['message-out'],
    run: async (deployment) => receipt(deployment, await message(deployment, 'text'), undefined),
  },
  {
    id: 'read-receipt',
    milestone: 4,
    title: 'the read receipt of the peer arrives',
    needs: ['message-out'],
    run: async (deployment) => receipt(deployment, await message(deployment, 'text'), 'read'),
  },
  {
    id: 'reply',
    milestone: 4,
    title: 'a message that answers another is acknowledged',
    needs: ['message-in'],
    run: async (deployment) => void (await message(deployment, 'text')),
  },
  {
    id: 'reaction',
    milestone: 4,
    title: 'a reaction is acknowledged, and one of the peer arrives',
    needs: ['message-in'],
    async run(deployment) {
      await message(deployment, 'reaction');
      const isReaction = ({ tag, attrs }: ChatNode): boolean =>
        tag === 'message' &&
        attrs['type'] === 'reaction' &&
        isOf(attrs['from'] ?? '', deployment.options.peer);
      await awaitNode(deployment, isReaction, "the peer's reaction");
    },
  },
  {
    id: 'typing',
    milestone: 4,
    title: 'the typing indicator of the peer arrives',
    needs: ['login'],
    async run(deployment) {
      const to = deployment.options.peer;
      deployment.client.send({ tag: 'chatstate', attrs: { to }, content: [{ tag: 'composing', attrs: {} }] });
      const isTyping = ({ tag, attrs }: ChatNode): boolean =>
        tag === 'chatstate' && isOf(attrs['from'] ?? '', to);
      await awaitNode(deployment, isTyping, "the peer's typing indicator");
    },
  },
  {
    id: 'block',
    milestone: 4,
    title: 'a user can be blocked and unblocked',
    needs: ['login'],
    async run(deployment) {
      expectThat(await changeBlock(deployment, 'block'), 'the blocked user is not in the list');
      expectThat(!(await changeBlock(deployment, 'unblock')), 'the unblocked user is still in the list');
    },
  },
];

/** Changes the list of blocked users.
 *  @returns whether the peer is in the list of the answer */
async function changeBlock(deployment: Deployment, action: 'block' | 'unblock'): Promise<boolean> {
  const jid = deployment.options.peer;
  const attrs = { to: 's.whatsapp.net', type: 'set', xmlns: 'blocklist' };
  const content = [{ tag: 'item', attrs: { action, jid } }];
  const answer = await request(deployment, { tag: 'iq', attrs, content }, 'the change of the block list');
  expectThat(answer.attrs['type'] === 'result', 'the change of the block list is refused');
  return nodesIn(answer).some(({ tag, attrs: item }) => tag === 'item' && item['jid'] === jid);
}

/** Returns all nodes inside of a node. */
export function nodesIn({ content }: ChatNode): readonly ChatNode[] {
  const own = Array.isArray(content) ? (content as readonly ChatNode[]) : [];
  return own.flatMap((node) => [node, ...nodesIn(node)]);
}
