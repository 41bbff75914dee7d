import { expect, it } from 'vitest';
import { chatPolicies, runChatConversations } from '../../support/chat-conversations.ts';

it('loses, doubles and leaves unacknowledged no stanza (full run: npm run long -- chat-conversations)', async () => {
  const { figures, failures } = await runChatConversations({
    count: 60,
    seed: 20_261_130,
    policies: chatPolicies,
    progress: () => {},
  });
  expect(failures).toEqual([]);
  // The conversations must contain what they are about.
  expect(figures['cuts']).toBeGreaterThan(20);
  expect(figures['sent again']).toBeGreaterThan(20);
  expect(figures['guesses']).toBeGreaterThan(20);
  expect(figures['policies']).toBeGreaterThan(0);
  expect(figures['acknowledgements of the proxy']).toBeGreaterThan(20);
});
