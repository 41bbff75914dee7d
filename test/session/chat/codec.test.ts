/** One codec serves all sessions with a gatekeeper, so it keeps nothing of a session. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { defaultChatLimits } from '../../../src/chat/limits.ts';
import { ChatCodec } from '../../../src/session/chat/codec.ts';
import { defaultLimits } from '../../../src/stream/limits.ts';
import { newWorkspace, vocabulary } from '../../support/scan.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const newCodec = (): ChatCodec =>
  new ChatCodec({
    names: vocabulary,
    limits: defaultChatLimits,
    streamLimits: defaultLimits,
    interopServer: { read: 'either', write: 'omit' },
    workspace: newWorkspace(),
    sendingWorkspace: newWorkspace(),
  });

const xml = (): Buffer =>
  Buffer.from("<message to='15551@s.whatsapp.net' id='1'><enc v='2'>MwoQ</enc></message>");

/** Has the codec call into a session, and returns a weak reference to that session. */
type Use = (codec: ChatCodec, took: (session: object) => void) => void;

const uses: Readonly<Record<string, Use>> = {
  'whose stanza it has read': (codec, took) => codec.read(xml(), (stanza) => took(stanza)),
  'whose stanza it has encoded': (codec, took) => {
    const bytes = xml();
    codec.encode(bytes, { start: 0, end: bytes.length }, took, took);
  },
};

describe('a codec', () => {
  it.each(Object.entries(uses))('keeps no session alive %s', async (_, use) => {
    const codec = newCodec();
    let calls = 0;
    const open = (): WeakRef<object> => {
      const session = { calls: 0 };
      use(codec, () => {
        session.calls += 1;
        calls += 1;
      });
      return new WeakRef(session);
    };
    const session = open();
    await turn();
    collectGarbage();
    expect([calls, session.deref()]).toEqual([1, undefined]);
    // The codec is alive until here.
    expect(codec.decode(Buffer.from('00f8031308fc0131', 'hex')).length).toBeGreaterThan(0);
  });
});
