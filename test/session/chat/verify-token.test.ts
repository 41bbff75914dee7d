/** The negotiation of the chat channel, with a verifier and a gatekeeper that answer when the test says so. */
import { describe, expect, it } from 'vitest';
import type { OwnershipVerdict } from '../../../src/session/authentication/ownership.ts';
import { ChatCodec } from '../../../src/session/chat/codec.ts';
import type { LoginAnswer } from '../../../src/session/chat/login.ts';
import { verifyToken, type ChannelRequest } from '../../../src/session/negotiation/verify-token.ts';
import { defaultChatLimits } from '../../../src/chat/limits.ts';
import { chatStanzas } from '../../../src/stanza/chat-stanzas.ts';
import { ns } from '../../../src/stanza/namespaces.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import { Sensitive } from '../../../src/stanza/sensitive.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import { newWorkspace, vocabulary } from '../../support/scan.ts';
import { Conversation, domain, settled } from '../conversation.ts';

interface Login {
  readonly talk: Conversation;
  /** Outcomes that were reported, and codes for which there is a support code. */
  readonly reported: string[];
  readonly requests: ChannelRequest[];
  verify(verdict: OwnershipVerdict): Promise<void>;
  answer(answer: LoginAnswer): Promise<void>;
}

/** A client that has sent its token. */
async function begin(): Promise<Login> {
  const reported: string[] = [];
  const requests: ChannelRequest[] = [];
  const verification = Promise.withResolvers<OwnershipVerdict>();
  const login = Promise.withResolvers<LoginAnswer>();
  const workspace = newWorkspace();
  const negotiation = verifyToken({
    codec: new ChatCodec({
      names: vocabulary,
      limits: defaultChatLimits,
      streamLimits: defaultLimits,
      interopServer: { read: 'either', write: 'omit' },
      workspace,
      sendingWorkspace: newWorkspace(),
    }),
    output: workspace.output,
    authentication: {
      verify: () => verification.promise,
      attemptsMax: 3,
      concluded: (_, outcome) => void reported.push(outcome),
      supportCode: (code) => {
        reported.push(code);
        return 'CODE';
      },
    },
    connect: (request) => {
      requests.push(request);
      return login.promise;
    },
  });
  const route = {
    name: 'chat',
    channelBinding: 'reauthenticate' as const,
    protocol: chatStanzas,
    negotiation,
  };
  const talk = new Conversation({ route: (name) => (name === domain ? route : undefined), stages: [] });
  await settled();
  await talk.client.says(
    `<stream:stream to='${domain}' version='1.0' xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}'>`,
  );
  expect(talk.client.news()).toContain('OAUTHBEARER');
  const message = Buffer.from('n,,\u0001auth=Bearer a.b.c\u0001\u0001').toString('base64');
  await talk.client.says(`<auth xmlns='${ns.sasl}' mechanism='OAUTHBEARER'>${message}</auth>`);
  return {
    talk,
    reported,
    requests,
    verify: async (verdict) => {
      verification.resolve(verdict);
      await settled();
    },
    answer: async (answer) => {
      login.resolve(answer);
      await settled();
    },
  };
}

const owned: OwnershipVerdict = {
  kind: 'owned',
  subject: new Sensitive(`juliet@${domain}`),
  claims: noClaims,
};

describe('a session that ends', () => {
  it.each<[string, OwnershipVerdict]>([
    ['refused', { kind: 'refused', code: 'ERR_TOKEN_EXPIRED' }],
    ['not verified', { kind: 'unavailable' }],
    ['good', owned],
  ])(
    'while its token is verified reports nothing of one that is %s, and dials nothing',
    async (_, verdict) => {
      const { talk, reported, requests, verify } = await begin();
      await talk.client.hangsUp();
      await talk.session.done;
      await verify(verdict);
      expect([reported, requests]).toEqual([[], []]);
      expect(talk.closed).toBe('client-closed');
    },
  );

  it('while it is logged in aborts the login, and reports nothing of a late answer', async () => {
    const { talk, reported, requests, verify, answer } = await begin();
    await verify(owned);
    expect(talk.phase).toBe('dialling');
    expect(requests[0]!.signal.aborted).toBe(false);
    await talk.client.hangsUp();
    await talk.session.done;
    expect(requests[0]!.signal.aborted).toBe(true);
    const heard = talk.client.heard;
    await answer({ kind: 'refused', reason: 401 });
    expect(reported).toEqual([]);
    expect(talk.client.heard).toBe(heard);
  });
});

describe('a refused login', () => {
  it('fails the attempt with its condition, and takes what the client had sent meanwhile', async () => {
    const { talk, reported, verify, answer } = await begin();
    await verify(owned);
    await talk.client.says("<message xmlns='urn:narthex:chat:0' id='early'/>");
    expect(talk.session.ended).toBe(false);
    await answer({ kind: 'refused', reason: 401 });
    await talk.session.done;
    expect(reported).toEqual(['gatekeeper', 'ERR_CHAT_LOGIN_ACCOUNT']);
    expect(talk.client.heard).toMatch(/<failure [^>]*><not-authorized.*<stream:error><not-authorized/);
    expect(talk.closed).toBe('ERR_NEGOTIATION');
  });
});
