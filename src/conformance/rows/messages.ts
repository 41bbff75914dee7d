/** Milestone 3: messages out and in. */
import type { Row } from '../row.ts';
import { awaitNode, message } from '../exchange.ts';

export const messageRows: readonly Row[] = [
  {
    id: 'message-out',
    milestone: 3,
    title: 'a message is acknowledged by the gatekeeper',
    needs: ['login'],
    async run(deployment) {
      await message(deployment, 'text');
    },
  },
  {
    id: 'message-in',
    milestone: 3,
    title: 'the message of the peer arrives',
    needs: ['message-out'],
    async run(deployment) {
      const { peer } = deployment.options;
      const isAnswer = (tag: string, from = ''): boolean => tag === 'message' && isOf(from, peer);
      await awaitNode(deployment, ({ tag, attrs }) => isAnswer(tag, attrs['from']), "the peer's message");
    },
  },
];

/** Returns whether an address is that of a user, with a device or without. */
export function isOf(address: string, user: string): boolean {
  return address.replace(/:\d+(?=@)/, '') === user;
}
