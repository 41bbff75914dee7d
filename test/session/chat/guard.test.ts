/** Elements of the chat channel other than stanzas, and the routing cookie. */
import { describe, expect, it } from 'vitest';
import { chatGuard } from '../../../src/session/chat/guard.ts';
import { ChatLegs } from './chat-legs.ts';

const connect = (): ChatLegs => new ChatLegs(() => ({ kind: 'forward' }), { stages: [chatGuard] });
const cookie = '<edge_routing><routing_info>ZWxzZXdoZXJl</routing_info></edge_routing>';

describe('the guard of the chat channel', () => {
  it('drops a notice that has the routing cookie alone, and answers nothing', () => {
    expect(connect().fromGatekeeper(`<ib>${cookie}</ib>`)).toEqual({ client: '', gatekeeper: '' });
  });

  it.each([
    ['before', `${cookie}<dirty type='groups'/>`],
    ['after', `<dirty type='groups'/>${cookie}`],
    ['twice around', `${cookie}<dirty type='groups'/>${cookie}`],
    ['by another prefix around', `<c:edge_routing xmlns:c='urn:narthex:chat:0'>elsewhere</c:edge_routing><dirty type='groups'/>`],
  ])('removes the cookie %s the rest of a notice', (_, content) => {
    const { client } = connect().fromGatekeeper(`<ib>${content}</ib>`);
    expect(client).toBe("<ib><dirty type='groups'/></ib>");
  }); // prettier-ignore

  it('sends no cookie of a client to the gatekeeper', () => {
    expect(connect().fromClient(`<ib>${cookie}</ib>`).gatekeeper).toBe('');
  });

  it('leaves other notices as they are', () => {
    const notice = "<ib><offline count='3'/></ib>";
    expect(connect().fromGatekeeper(notice).client).toBe(notice);
  });

  it.each(['<failure/>', '<xmlstreamend/>', "<success lid='1'/><success lid='2'/>"])(
    'passes no other element than one success: %s',
    (xml) => {
      const { client } = connect().fromGatekeeper(xml);
      expect(client).toBe(xml.startsWith('<success') ? "<success lid='1'/>" : '');
    },
  );
});
