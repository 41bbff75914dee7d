/** From the gatekeeper's features to an established stream: attestation, SASL, the restart. */
import { afterEach, describe, expect, it } from 'vitest';
import type { GatekeeperAttestations } from '../../../src/session/signals/attestations.ts';
import { StreamError } from '../../../src/stanza/error.ts';
import {
  auth,
  authenticate,
  conditionIn,
  Conversation,
  features,
  message,
  opens,
  settled,
  success,
  success2,
  type ConversationOptions,
} from '../conversation.ts';

const talks: Conversation[] = [];
function begin(options?: ConversationOptions): Conversation {
  const talk = new Conversation(options);
  talks.push(talk);
  return talk;
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  expect(talks.map(({ clock }) => clock.pending)).toEqual(talks.map(() => 0));
  talks.length = 0;
});

describe('an authentication', () => {
  it('passes in both directions, and no white space with it', async () => {
    const talk = await begin().offered();
    await talk.client.says(` ${auth}`);
    expect(talk.gatekeeper.news()).toBe(auth);
    const failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    await talk.gatekeeper.says(` ${failure}`);
    expect(talk.client.news()).toBe(failure);
    expect(talk.phase).toBe('authenticating');
  });

  it('with SASL 2 establishes the stream', async () => {
    const talk = await begin().offered();
    await talk.client.says(authenticate);
    await talk.gatekeeper.says(success2 + features());
    expect(talk.client.news()).toBe(success2 + features());
    expect(talk.phase).toBe('established');
  });

  it('must be over in time', async () => {
    const talk = await begin().offered();
    talk.clock.advance(29_999);
    expect(talk.session.ended).toBe(false);
    talk.clock.advance(1);
    await talk.session.done;
    expect(conditionIn(talk.client.heard)).toBe('connection-timeout');
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
    expect(talk.closed).toBe('ERR_PRE_AUTH_TIMEOUT');
  });

  it.each([
    ['the client', 'ERR_NEGOTIATION', 'not-authorized'],
    ['the gatekeeper', 'ERR_GATEKEEPER_NEGOTIATION', 'remote-connection-failed'],
  ])('precedes any stanza of %s', async (who, code, condition) => {
    const talk = await begin().offered();
    await (who === 'the client' ? talk.client : talk.gatekeeper).says(message('early'));
    await talk.session.done;
    expect(conditionIn(talk.client.heard)).toBe(condition);
    expect(talk.client.heard + talk.gatekeeper.heard).not.toContain('early');
    expect(talk.closed).toBe(code);
  });

  it('has smaller limits than an authenticated stream', async () => {
    const long = message('x'.repeat(12_000));
    const early = await begin().offered();
    await early.client.says(auth.replace('AGp1', `${'A'.repeat(12_000)}AGp1`));
    await early.session.done;
    expect(early.closed).toBe('ERR_STANZA_TOO_LARGE');
    const late = await begin().established();
    await late.client.says(long);
    expect(late.gatekeeper.news()).toBe(long);
  });

  it.each([
    [auth, ''],
    [auth, message('pipelined')],
    [auth, '<mess'],
  ])('with SASL 1 takes nothing of the client along: %s%s', async (first, more) => {
    const talk = await begin().offered();
    await talk.client.says(first);
    if (more !== '') await talk.client.says(more.slice(0, 5));
    await talk.gatekeeper.says(success);
    expect(talk.session.ended).toBe(more !== '');
    if (more !== '') expect(await talk.session.done).toBe('ERR_RESTART_PIPELINED');
  });
});

describe('the restart', () => {
  it('is two new headers, the client first', async () => {
    const talk = await begin().restarted();
    expect(talk.phase).toBe('restarting');
    await talk.client.says(opens());
    expect(talk.gatekeeper.news()).toMatch(/^<\?xml version='1.0'\?><stream:stream [^>]+>$/);
    expect(talk.phase).toBe('restarting');
    await talk.gatekeeper.says(opens() + features());
    expect(talk.client.news()).toMatch(/^<\?xml version='1.0'\?><stream:stream [^>]+><stream:features>/);
    expect(talk.phase).toBe('established');
    expect(talk.phases).toEqual(['securing', 'routing', 'dialling', 'authenticating', 'restarting', 'established']);
  }); // prettier-ignore

  it('names the domain to the gatekeeper also where the client does not', async () => {
    const talk = await begin().restarted();
    await talk.client.says(opens().replace(/ to='[^']*'/, ''));
    expect(talk.gatekeeper.news()).toBe(opens());
  });

  it('stays with the domain', async () => {
    const talk = await begin().restarted();
    await talk.client.says(opens({ to: 'montague.example' }));
    expect(await talk.session.done).toBe('ERR_UNKNOWN_DOMAIN');
    expect(talk.gatekeeper.heard).toBe('</stream:stream>');
  });

  it('is not begun by the gatekeeper', async () => {
    const talk = await begin().restarted();
    await talk.gatekeeper.says(opens() + features());
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_NEGOTIATION');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
  });

  it.each([
    ['the client', 'client-closed'],
    ['the gatekeeper', 'gatekeeper-closed'],
  ] as const)('may end in the close of %s', async (who, reason) => {
    const talk = await begin().restarted();
    await talk.client.says(opens());
    if (who === 'the gatekeeper') await talk.gatekeeper.says(`${opens()}</stream:stream>`);
    else await talk.client.says('</stream:stream>');
    expect(await talk.session.done).toBe(reason);
  });

  it('keeps the limit on the bytes before the new features', async () => {
    const talk = await begin().restarted();
    await talk.client.says(opens() + message('early'));
    expect(await talk.session.done).toBe('ERR_NEGOTIATION');
  });
});

describe('an attestation in the stream', () => {
  const nonza = "<signals xmlns='urn:narthex:signals:0'/>";
  const attesting = (made: () => Uint8Array | undefined): ConversationOptions => ({
    attestations: { overStream: true, nonza: made } as unknown as GatekeeperAttestations,
  });
  const begun = async (made: () => Uint8Array | undefined): Promise<Conversation> => {
    const talk = begin(attesting(made));
    await settled();
    await talk.client.says(opens() + auth);
    await talk.gatekeeper.says(opens());
    talk.gatekeeper.news();
    return talk;
  };

  it('precedes anything of the client', async () => {
    const talk = await begun(() => Buffer.from(nonza));
    expect(talk.gatekeeper.news()).toBe('');
    await talk.gatekeeper.says(features("<x xmlns='urn:x'/>"));
    expect(talk.client.news()).toContain("<x xmlns='urn:x'/>");
    expect(talk.gatekeeper.news()).toBe(nonza + auth);
    await talk.gatekeeper.says(success);
    expect(talk.phases.filter((phase) => phase === 'authenticating')).toHaveLength(1);
    expect(talk.phase).toBe('restarting');
  });

  it('is left out where there can be none', async () => {
    const talk = await begun(() => undefined);
    await talk.gatekeeper.says(features());
    expect(talk.gatekeeper.news()).toBe(auth);
  });

  it('that is required and cannot be made ends both streams, and nothing of the client has left', async () => {
    const talk = await begun(() => {
      throw new StreamError('policy-violation', { code: 'ERR_SIGNALS_NO_KEY' });
    });
    await talk.gatekeeper.says(features());
    expect(await talk.session.done).toBe('ERR_SIGNALS_NO_KEY');
    expect(conditionIn(talk.gatekeeper.heard)).toBe('policy-violation');
    expect(conditionIn(talk.client.heard)).toBe('remote-connection-failed');
    expect(talk.gatekeeper.heard).not.toContain('<auth');
  });

  it('is not skipped by a gatekeeper that sends something else first', async () => {
    const talk = await begun(() => Buffer.from(nonza));
    await talk.gatekeeper.says(success);
    expect(await talk.session.done).toBe('ERR_GATEKEEPER_NEGOTIATION');
    expect(talk.gatekeeper.heard).not.toContain('<auth');
  });

  it('is not owed to a gatekeeper that gives up', async () => {
    const talk = await begun(() => Buffer.from(nonza));
    const error =
      "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
    await talk.gatekeeper.says(error);
    expect(await talk.session.done).toBe('gatekeeper-closed');
    expect(conditionIn(talk.client.heard)).toBe('reset');
  });

  it('is not waited for longer than an authentication', async () => {
    const talk = await begun(() => Buffer.from(nonza));
    talk.clock.advance(30_000);
    expect(await talk.session.done).toBe('ERR_PRE_AUTH_TIMEOUT');
  });
});
