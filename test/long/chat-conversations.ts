import { chatPolicies, runChatConversations } from '../support/chat-conversations.ts';
import type { LongRun } from './long-run.ts';

export const longRun: LongRun = {
  name: 'chat-conversations',
  summary:
    'conversations over the chat channel, cut and under changing policies: nothing lost, doubled, unacknowledged',
  unit: 'conversations',
  count: 10_000,
  run: (request) => runChatConversations({ ...request, policies: chatPolicies }),
};
