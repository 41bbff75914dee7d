/** Hostile HTTP/2 to the served port: frames that Node's own client would not send. */
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, retried } from '../../support/wait.ts';
import {
  ack,
  block,
  connectRaw,
  endHeaders,
  endStream,
  frame,
  get,
  headers,
  indexed,
  literal,
  post,
  preface,
  reference,
  setting,
  uint32,
  type Fields,
  type RawHttp2,
} from '../support/raw-http2.ts';
import { startServed, type ServedProxy } from '../support/served.ts';

const limits = {
  headersTimeoutMs: 500,
  requestTimeoutMs: 1_000,
  bodyTimeoutMs: 400,
  keepAliveTimeoutMs: 60_000,
  http2WaitingMax: 4,
  http2AnswerTimeoutMs: 2_500,
  http2ResetsPerMinuteMax: 20,
  http2SettingsPerMinuteMax: 10,
  http2PingsPerMinuteMax: 30,
  http2WindowUpdatesPerMinuteMax: 40,
  http2IdleFramesPerMinuteMax: 50,
};

describe('hostile HTTP/2 to the served port', () => {
  let served: ServedProxy;
  let open: RawHttp2[] = [];

  beforeAll(async () => {
    served = await startServed({ version: 'HTTP/2', limits });
  });
  afterAll(async () => {
    expect((await served.ask('/.well-known/jwks.json')).status).toBe(200);
    expect(served.gatekeeper.received).toEqual([]);
    expect(served.events.filter(({ event }) => event === 'failed')).toEqual([]);
    await served.close();
  });
  beforeEach(() => {
    served.events.length = 0;
  });
  afterEach(() => {
    for (const each of open) each.close();
    open = [];
  });

  const raw = async (options: Parameters<typeof connectRaw>[1] = {}): Promise<RawHttp2> => {
    const client = await connectRaw(served.port, options);
    open.push(client);
    return client;
  };
  /** Codes that were reported, of requests and of connections. */
  const codes = (): unknown[] => served.events.flatMap((event) => ('code' in event ? [event.code] : []));
  const repeated = (count: number, make: (index: number) => Buffer): Buffer[] =>
    Array.from({ length: count }, (_, index) => make(index));
  const odd = (index: number): number => 2 * index + 1;

  it('a valid request is answered', async () => {
    const client = await raw();
    client.send(headers(1, get()));
    await client.until(() => client.ended(1));
    expect([client.answered(1), client.reset(1)]).toEqual([0x88, undefined]);
  });

  describe('floods end their connection with ENHANCE_YOUR_CALM at the named limit', () => {
    it.each<[name: string, flood: Buffer[], code: string]>([
      ['streams that are reset at once (CVE-2023-44487)', repeated(limits.http2ResetsPerMinuteMax + 1, (index) => Buffer.concat([headers(odd(index), get()), frame('RST_STREAM', 0, odd(index), uint32(8))])), 'ERR_HTTP2_FRAMES'],
      ['CONTINUATION without an end (CVE-2024-27316)', [frame('HEADERS', endStream, 1, block(get())), ...repeated(5, () => frame('CONTINUATION', 0, 1, literal('x', 'y')))], 'ERR_HTTP2_HEADERS'],
      ['empty CONTINUATION', [frame('HEADERS', endStream, 1, block(get())), ...repeated(5, () => frame('CONTINUATION', 0, 1))], 'ERR_HTTP2_HEADERS'],
      ['a header block that is too large', [frame('HEADERS', endStream, 1, Buffer.concat([block(get()), literal('x', 'y'.repeat(16_000))])), frame('CONTINUATION', endHeaders, 1, literal('x', 'y'.repeat(1_000)))], 'ERR_HTTP2_HEADERS'],
      // The first SETTINGS came with the preface.
      ['SETTINGS', repeated(limits.http2SettingsPerMinuteMax, () => frame('SETTINGS', 0, 0)), 'ERR_HTTP2_FRAMES'],
      ['SETTINGS that change the window', repeated(limits.http2SettingsPerMinuteMax, (index) => frame('SETTINGS', 0, 0, setting(4, index))), 'ERR_HTTP2_FRAMES'],
      ['PING', repeated(limits.http2PingsPerMinuteMax + 1, () => frame('PING', 0, 0, Buffer.alloc(8))), 'ERR_HTTP2_FRAMES'],
      ['answers to PING that was not sent', repeated(limits.http2PingsPerMinuteMax + 1, () => frame('PING', ack, 0, Buffer.alloc(8))), 'ERR_HTTP2_FRAMES'],
      ['WINDOW_UPDATE', repeated(limits.http2WindowUpdatesPerMinuteMax + 1, () => frame('WINDOW_UPDATE', 0, 0, uint32(1))), 'ERR_HTTP2_FRAMES'],
      ['PRIORITY', repeated(limits.http2IdleFramesPerMinuteMax + 1, (index) => frame('PRIORITY', 0, odd(index), Buffer.from([0, 0, 0, 0, 16]))), 'ERR_HTTP2_FRAMES'],
      ['PRIORITY_UPDATE', repeated(limits.http2IdleFramesPerMinuteMax + 1, (index) => frame('PRIORITY_UPDATE', 0, 0, Buffer.concat([uint32(odd(index)), Buffer.from('u=1')]))), 'ERR_HTTP2_FRAMES'],
      ['frames of an unknown type', repeated(limits.http2IdleFramesPerMinuteMax + 1, () => frame('UNKNOWN', 0, 0, Buffer.alloc(3))), 'ERR_HTTP2_FRAMES'],
      ['empty DATA', [headers(1, post('/enlistments'), endHeaders), ...repeated(limits.http2IdleFramesPerMinuteMax + 1, () => frame('DATA', 0, 1))], 'ERR_HTTP2_FRAMES'],
    ])('%s', async (_, flood, code) => {
      const client = await raw();
      client.send(...flood);
      await client.until(client.closed);
      expect(client.goaways()).toEqual(['ENHANCE_YOUR_CALM']);
      expect(codes().filter((each) => String(each).startsWith('ERR_HTTP2'))).toEqual([code]);
    }); // prettier-ignore

    it('one less does not', async () => {
      const client = await raw();
      client.send(
        ...repeated(limits.http2SettingsPerMinuteMax - 2, () => frame('SETTINGS', 0, 0)),
        ...repeated(limits.http2PingsPerMinuteMax, () => frame('PING', 0, 0, Buffer.alloc(8))),
        ...repeated(limits.http2IdleFramesPerMinuteMax, () => frame('UNKNOWN', 0, 0)),
        ...repeated(limits.http2WindowUpdatesPerMinuteMax, () => frame('WINDOW_UPDATE', 0, 0, uint32(1))),
        headers(1, get()),
      );
      await client.until(() => client.ended(1));
      expect([client.answered(1), client.goaways(), client.closed()]).toEqual([0x88, [], false]);
    });
  });

  it('streams that are reset for the fault of their sender count as well', async () => {
    const client = await raw();
    for (let index = 0; !client.closed(); index += 1) {
      client.send(headers(odd(index), [...get(), ['connection', 'close']]));
      await client.until(() => client.closed() || client.reset(odd(index)) !== undefined);
    }
    await client.until(client.closed);
    expect(client.goaways()).toEqual(['ENHANCE_YOUR_CALM']);
    expect(codes()).toContain('ERR_HTTP2_FRAMES');
  });

  describe('malformed requests are reset, and counted like those of HTTP/1.1', () => {
    const without = (name: string): Fields => get().filter(([each]) => each !== name);
    it.each<[name: string, request: Buffer[]]>([
      ['no :method', [headers(1, without(':method'))]],
      ['no :scheme', [headers(1, without(':scheme'))]],
      ['no :path', [headers(1, without(':path'))]],
      ['an empty :path', [headers(1, get(''))]],
      ['two :path', [headers(1, [...get(), [':path', '/']])]],
      ['an unknown pseudo-header', [headers(1, [...get(), [':juliet', 'x']])]],
      ['a pseudo-header of answers', [headers(1, [...get(), [':status', '200']])]],
      ['a pseudo-header after a field', [headers(1, [['x', 'y'], ...get()])]],
      ['a name in upper case', [headers(1, [...get(), ['X-Juliet', 'y']])]],
      ['connection', [headers(1, [...get(), ['connection', 'keep-alive']])]],
      ['transfer-encoding', [headers(1, [...get(), ['transfer-encoding', 'chunked']])]],
      ['upgrade', [headers(1, [...get(), ['upgrade', 'websocket']])]],
      ['te other than trailers', [headers(1, [...get(), ['te', 'gzip']])]],
      ['two lengths', [headers(1, post('/enlistments', ['content-length', '2'], ['content-length', '3']), endHeaders)]],
      ['a length that is no number', [headers(1, post('/enlistments', ['content-length', '2x']), endHeaders)]],
      ['a body shorter than its length', [headers(1, post('/enlistments', ['content-length', '9']), endHeaders), frame('DATA', endStream, 1, Buffer.from('{}'))]],
      ['extended CONNECT', [headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get().slice(1)], endHeaders)]],
      ['CONNECT with a path', [headers(1, [[':method', 'CONNECT'], ...get().slice(1)], endHeaders)]],
      ['a pseudo-header in trailers', [headers(1, post('/enlistments'), endHeaders), headers(1, [[':path', '/']])]],
    ])('%s', async (_, request) => {
      const client = await raw();
      client.send(...request);
      await client.until(() => client.reset(1) !== undefined || client.closed());
      expect([client.reset(1), client.closed()]).toEqual(['PROTOCOL_ERROR', false]);
      expect(codes()).toContain('ERR_HTTP_MALFORMED');
      // The connection goes on.
      client.send(headers(3, get()));
      await client.until(() => client.ended(3));
      expect(client.answered(3)).toBe(0x88);
    }); // prettier-ignore
  });

  describe('requests that two readers may understand differently are answered with 400', () => {
    it.each<[name: string, fields: Fields]>([
      ['two hosts', [...get(), ['host', 'evil.example']]],
      ['two tokens', [...get(), ['authorization', 'Bearer a'], ['authorization', 'Bearer b']]],
      ['an asterisk', [[':method', 'OPTIONS'], ...get('*').slice(1)]],
    ])('%s', async (_, fields) => {
      const client = await raw();
      client.send(headers(1, fields));
      await client.until(() => client.ended(1));
      // 0x8c: 400 of the static table.
      expect(client.answered(1)).toBe(0x8c);
      expect(codes()).toEqual(['ERR_HTTP_MALFORMED']);
    }); // prettier-ignore

    it('the same host twice is one', async () => {
      const client = await raw();
      client.send(headers(1, [...get(), ['host', 'proxy.example:8443']]));
      await client.until(() => client.ended(1));
      expect(client.answered(1)).toBe(0x88);
    });
  });

  it.each<[name: string, field: Fields[number]]>([
    ['a line feed', ['authorization', 'Bearer a\nb']],
    ['a NUL', ['authorization', 'Bearer a\0b']],
  ])('a field with %s does not pass', async (_, field) => {
    const client = await raw();
    client.send(headers(1, post('/enlistments', ['idempotency-key', '8e03978e-40d5-43dd-bc93-6894a57f9324'], field), endHeaders), frame('DATA', endStream, 1, Buffer.from('{"gatekeeper":"test"}')));
    await client.until(() => client.ended(1));
    expect(client.body(1).toString()).toContain('ERR_TOKEN_MISSING');
  }); // prettier-ignore

  it('CONNECT is answered with 405', async () => {
    const client = await raw();
    client.send(
      headers(
        1,
        [
          [':method', 'CONNECT'],
          [':authority', 'evil.example:443'],
        ],
        endHeaders,
      ),
    );
    await client.until(() => client.ended(1));
    expect(client.body(1).toString()).toContain('ERR_HTTP_METHOD');
    expect(codes()).toEqual(['ERR_HTTP_METHOD']);
  });

  describe('errors of the connection end it, and are counted', () => {
    it.each<[name: string, frames: Buffer[], error: string]>([
      ['DATA on stream 0', [frame('DATA', 0, 0, Buffer.from('x'))], 'PROTOCOL_ERROR'],
      ['an even stream', [headers(2, get())], 'PROTOCOL_ERROR'],
      ['PUSH_PROMISE of a client', [headers(1, post('/enlistments'), endHeaders), frame('PUSH_PROMISE', endHeaders, 1, Buffer.concat([uint32(2), block(get())]))], 'PROTOCOL_ERROR'],
      ['CONTINUATION without HEADERS', [frame('CONTINUATION', endHeaders, 1, block(get()))], 'PROTOCOL_ERROR'],
      ['another frame within a header block', [frame('HEADERS', endStream, 1, block(get())), frame('PING', 0, 0, Buffer.alloc(8))], 'PROTOCOL_ERROR'],
      ['SETTINGS of a wrong size', [frame('SETTINGS', 0, 0, Buffer.alloc(5))], 'FRAME_SIZE_ERROR'],
      ['a body longer than its length', [headers(1, post('/enlistments', ['content-length', '1']), endHeaders), frame('DATA', endStream, 1, Buffer.from('{}'))], 'INTERNAL_ERROR'],
      ['a frame that is too large', [headers(1, post('/enlistments'), endHeaders), frame('DATA', 0, 1, Buffer.alloc(16_385))], 'FRAME_SIZE_ERROR'],
      ['a window beyond its largest size', [frame('WINDOW_UPDATE', 0, 0, uint32(0x7fffffff)), frame('WINDOW_UPDATE', 0, 0, uint32(0x7fffffff))], 'FLOW_CONTROL_ERROR'],
      ['a reference beyond the tables of HPACK', [frame('HEADERS', endHeaders | endStream, 1, reference(200))], 'COMPRESSION_ERROR'],
      ['a table of HPACK that is too large', [frame('HEADERS', endHeaders | endStream, 1, Buffer.concat([Buffer.from([0x3f, 0xe1, 0xff, 0x03]), block(get())]))], 'COMPRESSION_ERROR'],
    ])('%s', async (_, frames, error) => {
      const client = await raw();
      client.send(...frames);
      await client.until(client.closed);
      expect(client.goaways()).toEqual([error]);
      expect(codes().filter((each) => String(each).startsWith('ERR_HTTP2'))).toEqual(['ERR_HTTP2_PROTOCOL']);
    }); // prettier-ignore

    it('a connection that is not HTTP/2 is closed', async () => {
      const client = await raw({ quiet: true });
      client.send(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
      await client.until(client.closed);
      expect(codes()).toEqual(['ERR_HTTP2_PROTOCOL']);
    });
  });

  it('fields that are too large when they are decompressed are refused, and so are too many', async () => {
    const client = await raw();
    // Four kilobytes in the dynamic table, and references of a byte each.
    const bomb = Buffer.concat([block(get()), indexed('x', 'y'.repeat(3_900)), ...repeated(100, () => reference(62))]); // prettier-ignore
    client.send(frame('HEADERS', endHeaders | endStream, 1, bomb));
    await client.until(() => client.reset(1) !== undefined || client.ended(1));
    const many = Array.from({ length: 70 }, (_, index) => [`x${index}`, 'a'] as const);
    client.send(headers(3, [...get(), ...many]));
    await client.until(() => client.reset(3) !== undefined || client.ended(3));
    expect(client.answered(3)).not.toBe(0x88);
    expect(codes()).toEqual(['ERR_HTTP_HEADERS', 'ERR_HTTP_HEADERS']);
    client.send(headers(5, get()));
    await client.until(() => client.ended(5));
    expect(client.answered(5)).toBe(0x88);
  });

  describe('a body', () => {
    /** What the app says of a body: it reads it before the token, which is wrong. */
    const answerTo = async (...sent: Buffer[]): Promise<Record<string, unknown>> => {
      const client = await raw();
      client.send(...sent);
      await client.until(() => client.ended(1));
      return JSON.parse(client.body(1).toString()) as Record<string, unknown>;
    };
    const begin = headers(1, headersOfSlow(), endHeaders);
    const data = (text: string, flags = 0): Buffer => frame('DATA', flags, 1, Buffer.from(text));

    it.each<[name: string, sent: Buffer[], code: string]>([
      ['in pieces', [begin, data('{"gate'), data('keeper":"test"}', endStream)], 'ERR_TOKEN_MALFORMED'],
      ['whose end is an empty frame', [begin, data('{"gatekeeper":"test"}'), data('', endStream)], 'ERR_TOKEN_MALFORMED'],
      ['that is empty, with an end of its own', [begin, data('', endStream)], 'ERR_HTTP_JSON'],
      ['that is too large by its length', [headers(1, [...headersOfSlow(), ['content-length', '99999']], endHeaders)], 'ERR_HTTP_BODY_TOO_LARGE'],
      ['that is too large without one', [begin, data('x'.repeat(16_000)), data('x'.repeat(16_000))], 'ERR_HTTP_BODY_TOO_LARGE'],
    ])('%s', async (_, sent, code) => {
      expect(await answerTo(...sent)).toMatchObject({ code });
    }); // prettier-ignore

    it('that waits to be asked for (100-continue) is asked for, once', async () => {
      const client = await raw();
      client.send(headers(1, [...headersOfSlow(), ['expect', '100-continue']], endHeaders));
      await client.until(() => client.frames.some(({ name }) => name === 'HEADERS'));
      client.send(data('{"gatekeeper":"test"}', endStream));
      await client.until(() => client.ended(1));
      expect(JSON.parse(client.body(1).toString())).toMatchObject({ code: 'ERR_TOKEN_MALFORMED' });
      // 100 and the answer.
      expect(client.frames.filter(({ name, stream }) => name === 'HEADERS' && stream === 1)).toHaveLength(2);
    });
  });

  describe('what is slow ends', () => {
    it.each<[name: string, sent: Buffer]>([
      ['half a frame', headers(1, get()).subarray(0, 20)],
      ['half a header block', frame('HEADERS', endStream, 1, block(get()))],
      ['half the head of a frame', Buffer.from([0, 0])],
    ])('%s', async (_, sent) => {
      const client = await raw();
      client.send(sent);
      await client.until(client.closed);
      // One that has no request either was asked to end before.
      expect([client.goaways().at(-1), codes()]).toEqual(['ENHANCE_YOUR_CALM', ['ERR_HTTP2_TIMEOUT']]);
    });

    it('a connection without a request', async () => {
      const [silent, idle] = [await raw({ quiet: true }), await raw()];
      await Promise.all([silent.until(silent.closed), idle.until(idle.closed)]);
      expect(idle.goaways().at(-1)).toBe('NO_ERROR');
    });

    it('a body that does not come, with an answer', async () => {
      const client = await raw();
      client.send(headers(1, headersOfSlow(), endHeaders), frame('DATA', 0, 1, Buffer.from('{')));
      await client.until(() => client.ended(1) && client.reset(1) !== undefined);
      expect(JSON.parse(client.body(1).toString())).toMatchObject({
        status: 408,
        code: 'ERR_HTTP_BODY_TIMEOUT',
      });
      expect([client.reset(1), codes()]).toEqual(['NO_ERROR', ['ERR_HTTP_BODY_TIMEOUT']]);
    });

    it('a connection whose requests wait for their caller, when they are many', async () => {
      const client = await raw();
      // Without a window no answer can be taken.
      client.send(frame('SETTINGS', 0, 0, setting(4, 0)));
      client.send(...repeated(limits.http2WaitingMax + 1, (index) => headers(odd(index), get())));
      await client.until(client.closed);
      expect(client.goaways()).toEqual(['ENHANCE_YOUR_CALM']);
      expect(codes().filter((each) => String(each).startsWith('ERR_HTTP2'))).toEqual(['ERR_HTTP2_TIMEOUT']);
    });

    it('an answer that is not taken', async () => {
      const client = await raw();
      client.send(frame('SETTINGS', 0, 0, setting(4, 0)));
      client.send(...repeated(limits.http2WaitingMax, (index) => headers(odd(index), get())));
      await client.until(() => client.reset(odd(limits.http2WaitingMax - 1)) !== undefined);
      expect([client.closed(), client.goaways()]).toEqual([false, []]);
      expect(codes()).toContain('ERR_HTTP_TIMEOUT');
      expect([client.answered(1), client.ended(1)]).toEqual([0x88, false]);
    });

    it('a request whose body does not end, although its route does not read it', async () => {
      const client = await raw();
      client.send(headers(1, get('/nothing'), endHeaders));
      await client.until(() => client.reset(1) !== undefined || client.ended(1));
      expect(client.closed()).toBe(false);
    });
  });

  it('TLS 1.2 without AEAD is not enough', async () => {
    const client = await raw({
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256',
    });
    await client.until(client.closed);
    expect([client.goaways(), codes()]).toEqual([['INADEQUATE_SECURITY'], ['ERR_HTTP2_CIPHER']]);
  });

  it('nothing of what was sent is reported', async () => {
    const client = await raw({ quiet: true });
    client.send(
      preface,
      frame('SETTINGS', 0, 0),
      headers(1, [...get('/juliet-capulet'), ['x', 'juliet-capulet']]),
    );
    await client.until(() => client.ended(1));
    expect(JSON.stringify(served.events)).not.toContain('juliet');
  });
});

describe('requests over HTTP/2 at once', () => {
  const slow = headersOfSlow();
  let served: ServedProxy;
  let clients: RawHttp2[] = [];

  beforeEach(async () => {
    // Requests whose bodies do not come stay until they are refused or their connection ends.
    served = await startServed({
      version: 'HTTP/2',
      limits: { http2StreamsMax: 10, http2StreamsTotalMax: 12 },
    });
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    await served.close();
  });

  const connectAll = async (count: number): Promise<void> => {
    clients = await Promise.all(Array.from({ length: count }, () => connectRaw(served.port)));
  };
  const sendSlow = (client: RawHttp2, count: number): void =>
    client.send(...Array.from({ length: count }, (_, index) => headers(2 * index + 1, slow, endHeaders)));
  const refused = (client: RawHttp2): number =>
    client.frames.filter(({ name, payload }) => name === 'RST_STREAM' && payload.readUInt32BE(0) === 7).length; // prettier-ignore
  const reported = (): number =>
    served.events.filter((event) => event.event === 'http2-refused' && event.code === 'ERR_HTTP2_STREAMS').length; // prettier-ignore

  it('of one connection are bounded: one more is refused, and may be sent again', async () => {
    await connectAll(1);
    sendSlow(clients[0]!, 11);
    await eventually(() => refused(clients[0]!) === 1);
    expect([clients[0]!.reset(21), reported(), clients[0]!.closed()]).toEqual(['REFUSED_STREAM', 1, false]);
  });

  it('of all connections are bounded; there is room again when some have ended', async () => {
    await connectAll(2);
    for (const client of clients) sendSlow(client, 7);
    await eventually(() => reported() === 2);
    await eventually(() => refused(clients[0]!) + refused(clients[1]!) === 2);
    clients[0]!.close();
    const [next] = (clients = [await connectRaw(served.port), clients[1]!]);
    let stream = -1;
    await retried(10_000, async () => {
      stream += 2;
      next!.send(headers(stream, get()));
      await next!.until(() => next!.ended(stream) || next!.reset(stream) !== undefined);
      expect(next!.answered(stream)).toBe(0x88);
    });
  });
});

/** An enlistment whose body is announced, and does not come. */
function headersOfSlow(): Fields {
  return post(
    '/enlistments',
    ['authorization', 'Bearer x'],
    ['idempotency-key', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  );
}
