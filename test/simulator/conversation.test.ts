import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConversation, type ConversationEvent } from '../../src/simulator/conversation.ts';
import { interpose } from './support/interpose.ts';
import { startGatekeeper, users } from './support/gatekeeper.ts';

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
beforeEach(async () => {
  gatekeeper = await startGatekeeper();
});
afterEach(() => gatekeeper.close());

describe('the conversation', () => {
  it.each(['starttls', 'direct'] as const)('is played to its end over %s', async (tls) => {
    const events: ConversationEvent[] = [];
    await runConversation({
      endpoint: gatekeeper.endpoints[tls],
      users,
      onEvent: (event) => void events.push(event),
    });
    expect(events.map(({ step }) => step)).toEqual(events.map((_, index) => index + 1));
    const receptions = events.flatMap(({ received }) => received);
    expect(receptions.every(({ outcome }) => outcome === 'received')).toBe(true);
    const notes = receptions.flatMap((one) => (one.outcome === 'received' ? [one.note] : []));
    expect(notes.filter((note) => note !== undefined)).toEqual([
      'O Romeo, Romeo! wherefore art thou Romeo? \u{1F339}',
      'I take thee at thy word.',
    ]);
    expect(gatekeeper.connections.filter(({ event }) => event === 'closed').length).toBe(2);
    expect(gatekeeper.stanzas.some(({ xml }) => xml.includes('wherefore'))).toBe(false);
  });

  it('has at each event reached the gatekeeper, so that both can be shown', async () => {
    const shown: string[] = [];
    await runConversation({
      endpoint: gatekeeper.endpoints.direct,
      users,
      onEvent({ sentXml }) {
        const received = gatekeeper.stanzas.filter(({ direction }) => direction === 'received');
        if (sentXml !== '') shown.push(String(received.some(({ xml }) => xml === sentXml)));
      },
    });
    expect(shown.length).toBeGreaterThan(8);
    expect(new Set(shown)).toEqual(new Set(['true']));
  });

  it('goes on when an intermediary withholds what it may withhold', async () => {
    const between = await interpose(gatekeeper, (text) => (/<composing|<received/.test(text) ? '' : text));
    const receptions: string[] = [];
    await runConversation({
      endpoint: between.endpoint,
      users,
      patienceMs: 50,
      onEvent: ({ received }) =>
        void receptions.push(...received.map(({ outcome, title }) => `${outcome}: ${title}`)),
    });
    expect(receptions.filter((one) => one.startsWith('withheld'))).toEqual([
      'withheld: Romeo sees her write',
      'withheld: Juliet receives the receipt for her message',
    ]);
    await between.close();
  });

  it.each([
    [
      'alters the ciphertext',
      (text: string) =>
        text.replace(/<payload>./, (start) => (start.endsWith('A') ? '<payload>B' : '<payload>A')),
      /"Juliet sends a message that only Romeo can read" failed: .*was altered/,
    ],
    [
      'changes the id that a receipt names',
      (text: string) => text.replace(/(<received [^>]*id=')[^']*/, '$1other'),
      /"Romeo lets her know that it has arrived" failed: .*another message/,
    ],
    [
      'loses the reply',
      (text: string) => (text.includes('<reply') ? '' : text),
      /"Romeo replies, encrypted for Juliet" failed: ERR_SIMULATOR_TIMEOUT/,
    ],
  ])('fails when an intermediary %s', async (_, change, expected) => {
    const between = await interpose(gatekeeper, change);
    const run = runConversation({ endpoint: between.endpoint, users, timeoutMs: 1_000, patienceMs: 200 });
    await expect(run).rejects.toThrow(expected);
    await between.close();
  });

  it('ends with the name of what failed', async () => {
    const run = runConversation({
      endpoint: gatekeeper.endpoints.direct,
      users: { ...users, romeo: { ...users.romeo, password: 'wrong' } },
    });
    await expect(run).rejects.toThrow(/ERR_SIMULATOR_AUTHENTICATION/);
  });
});
