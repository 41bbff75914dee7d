import { afterEach, describe, expect, it } from 'vitest';
import {
  connectChatClient,
  type ChatClient,
  type ChatClientOptions,
} from '../../../src/simulator/chat/client.ts';
import { mannersOf } from '../../../src/simulator/chat/manners.ts';
import { hasTag, letter } from '../support/chat-gatekeeper.ts';
import { startChatFront, type ChatFront } from '../support/chat-front.ts';

let front: ChatFront;
let client: ChatClient | undefined;
async function connect(options: Partial<ChatClientOptions> = {}, answer?: string): Promise<ChatClient> {
  front = await startChatFront(answer);
  client = await connectChatClient({
    endpoint: front.endpoint,
    token: 'a.b.c',
    timeoutMs: 5_000,
    ...options,
  });
  return client;
}

afterEach(() => {
  client?.destroy();
  front.close();
});

const message = `<message from='39555@s.whatsapp.net' id='m1' type='text' t='1'><enc v='2' type='msg'>AQD/</enc></message>`;

describe("the third party's client", () => {
  it('logs in with its token, and has the success of the gatekeeper', async () => {
    const { success } = await connect();
    expect(success).toEqual({ tag: 'success', attrs: { t: '1800000000', lid: '1@lid' } });
    expect(front.credentials).toEqual(['n,,\u0001auth=Bearer a.b.c\u0001\u0001']);
    const headers = front.received.filter((xml) => xml.includes('stream:stream'));
    expect(headers).toHaveLength(2);
    for (const header of headers)
      expect(header).toBe(
        `<?xml version='1.0'?><stream:stream to='chat.example' version='1.0' xmlns='urn:narthex:chat:0' ` +
          `xmlns:n='urn:narthex:chat:marks:0' xmlns:stream='http://etherx.jabber.org/streams'>`,
      );
  });

  it('may use PLAIN', async () => {
    await connect({ mechanism: 'PLAIN', username: 'juliet' });
    expect(front.credentials).toEqual(['\0juliet\0a.b.c']);
  });

  it('hears why it is refused', async () => {
    const failure = `<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><credentials-expired/></failure>`;
    await expect(connect({}, failure)).rejects.toThrow(
      'ERR_SIMULATOR_AUTHENTICATION: the server answers credentials-expired',
    );
  });

  it('sends nodes as elements, with marks for what XML lacks', async () => {
    const { send, request, unanswered } = await connect();
    expect(send(letter('39555@s.whatsapp.net', 'm1'))).toBe(
      `<message id='m1' to='39555@s.whatsapp.net' type='text'><enc v='2' type='msg'>AQD/</enc></message>`,
    );
    const answer = request({ tag: 'iq', attrs: { id: 'p1', type: 'get', xmlns: 'w:p' } });
    await expect.poll(() => front.received.at(-1)).toBe(`<iq id='p1' type='get' n:xmlns='w:p'/>`);
    front.send(`<iq id='p1' type='result'/>`);
    expect((await answer).node.attrs['type']).toBe('result');
    expect(unanswered()).toEqual(['m1']);
    front.send(`<ack class='message' id='m1' from='39555@s.whatsapp.net'/>`);
    await client!.receive(hasTag('ack'));
    expect(unanswered()).toEqual([]);
  });

  const settlements = {
    receipt: [`<receipt id='m1' to='39555@s.whatsapp.net'/>`],
    ack: [`<ack class='message' id='m1' to='39555@s.whatsapp.net' type='text'/>`],
    both: [
      `<receipt id='m1' to='39555@s.whatsapp.net'/>`,
      `<ack class='message' id='m1' to='39555@s.whatsapp.net' type='text'/>`,
    ],
    none: [],
  } as const;
  it.each(Object.entries(settlements))('settles a message by %s', async (how, expected) => {
    const { receive, send } = await connect({
      manners: mannersOf({ message: how as keyof typeof settlements }),
    });
    front.send(message);
    const { node, xml } = await receive(hasTag('message'));
    expect([xml, node.content]).toEqual([message, letter('', '').content]);
    send({ tag: 'presence', attrs: {} });
    await expect.poll(() => front.received.at(-1)).toBe('<presence/>');
    expect(front.received.slice(-1 - expected.length, -1)).toEqual(expected);
    expect(front.received.filter((one) => one.includes('m1'))).toEqual(expected);
  });

  it('acknowledges receipts, notifications and calls with what they carry, and answers pings', async () => {
    await connect();
    const marked = `<n:node tag='stream:error'><ack id='1'/></n:node>`;
    front.send(
      `<receipt id='r' from='a@s.whatsapp.net' type='read' participant='b@lid'/><notification id='n' from='g@g.us' type='w:gp2'/>` +
        `<call id='c' from='a@s.whatsapp.net'/><iq id='p' type='get' from='s.whatsapp.net' n:xmlns='urn:xmpp:ping'/>` +
        `<ib><offline_preview count='1'/></ib>${marked}`,
    );
    expect((await client!.receive(hasTag('stream:error'))).xml).toBe(marked);
    await expect
      .poll(() => front.received.slice(-5))
      .toEqual([
        `<ack class='receipt' id='r' to='a@s.whatsapp.net' type='read' participant='b@lid'/>`,
        `<ack class='notification' id='n' to='g@g.us' type='w:gp2'/>`,
        `<ack class='call' id='c' to='a@s.whatsapp.net'/>`,
        `<iq type='result' to='s.whatsapp.net' id='p'/>`,
        `<ib><offline_batch count='100'/></ib>`,
      ]);
  });

  it('ends the stream for content that is none', async () => {
    const { receive } = await connect();
    front.send(`<message id='m1'><enc>*</enc></message>`);
    await expect(receive(hasTag('message'))).rejects.toThrow('content is no base64');
  });

  it('closes in order', async () => {
    const { close } = await connect();
    await close();
    expect(front.received.at(-1)).toBe('</stream:stream>');
  });
});
