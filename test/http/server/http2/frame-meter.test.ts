import { beforeEach, describe, expect, it } from 'vitest';
import { defaultHttpLimits } from '../../../../src/http/limits.ts';
import { FrameMeter } from '../../../../src/http/server/http2/frame-meter.ts';
import { endHeaders, frame, preface, uint32 } from '../../support/raw-http2.ts';

const limits = {
  ...defaultHttpLimits,
  headerBytesMax: 100,
  http2ContinuationsMax: 2,
  http2ResetsPerMinuteMax: 60,
  http2WindowUpdatesPerMinuteMax: 10,
};

let now: number;
let refusals: string[];
let sent: unknown[];
let meter: FrameMeter;

beforeEach(() => {
  now = 1_000;
  refusals = [];
  sent = [];
  meter = new FrameMeter({
    limits,
    now: () => now,
    exceeded: (code) => refusals.push(code),
    sentError: (...args) => sent.push(args),
  });
  meter.received(preface);
});

const reset = frame('RST_STREAM', 0, 1, uint32(8));
const update = frame('WINDOW_UPDATE', 0, 0, uint32(1));
const repeat = (count: number, bytes: Buffer): void => {
  for (let index = 0; index < count; index += 1) meter.received(bytes);
};

describe('the meter of frames', () => {
  it('permits so many a minute, which come back evenly', () => {
    repeat(limits.http2ResetsPerMinuteMax, reset);
    expect(refusals).toEqual([]);
    now += 10_000;
    repeat(10, reset);
    expect(refusals).toEqual([]);
    now += 3_600_000;
    repeat(limits.http2ResetsPerMinuteMax + 1, reset);
    expect(refusals).toEqual(['ERR_HTTP2_FRAMES']);
  });

  it('reports once, and counts nothing afterwards', () => {
    repeat(limits.http2ResetsPerMinuteMax + 50, reset);
    expect([refusals, meter.over]).toEqual([['ERR_HTTP2_FRAMES'], true]);
    expect(meter.frames).toBe(limits.http2ResetsPerMinuteMax + 1);
  });

  it('lets WINDOW_UPDATE be earned by what was sent', () => {
    for (let index = 0; index < 1_000; index += 1) {
      meter.sent(frame('DATA', 0, 1, Buffer.alloc(1_024)));
      repeat(2, update);
    }
    expect(refusals).toEqual([]);
    repeat(limits.http2WindowUpdatesPerMinuteMax + 1, update);
    expect(refusals).toEqual(['ERR_HTTP2_FRAMES']);
  });

  it('bounds a header block by its bytes and by its frames', () => {
    meter.received(frame('HEADERS', 0, 1, Buffer.alloc(40)));
    meter.received(frame('CONTINUATION', 0, 1, Buffer.alloc(40)));
    meter.received(frame('CONTINUATION', endHeaders, 1, Buffer.alloc(20)));
    meter.received(frame('HEADERS', endHeaders, 3, Buffer.alloc(100)));
    expect(refusals).toEqual([]);
    meter.received(frame('HEADERS', endHeaders, 5, Buffer.alloc(101)));
    expect(refusals).toEqual(['ERR_HTTP2_HEADERS']);
  });

  it('knows since when a frame or header block has not ended', () => {
    expect(meter.unfinishedSince).toBeUndefined();
    meter.received(reset.subarray(0, 5));
    expect(meter.unfinishedSince).toBe(1_000);
    now = 2_000;
    meter.received(reset.subarray(5, 7));
    expect(meter.unfinishedSince).toBe(1_000);
    meter.received(Buffer.concat([reset.subarray(7), reset.subarray(0, 1)]));
    expect(meter.unfinishedSince).toBe(2_000);
    meter.received(reset.subarray(1));
    expect(meter.unfinishedSince).toBeUndefined();
    meter.received(frame('HEADERS', 0, 1, Buffer.alloc(4)));
    now = 3_000;
    meter.received(frame('CONTINUATION', 0, 1));
    expect(meter.unfinishedSince).toBe(2_000);
    meter.received(frame('CONTINUATION', endHeaders, 1));
    expect(meter.unfinishedSince).toBeUndefined();
  });

  it('sees the errors that are sent, and counts streams that are reset for a fault of the caller', () => {
    meter.sent(frame('RST_STREAM', 0, 1, uint32(0)));
    meter.sent(frame('RST_STREAM', 0, 1, uint32(7)));
    meter.sent(frame('GOAWAY', 0, 0, Buffer.concat([uint32(1), uint32(1)])));
    expect(sent).toEqual([
      ['stream', 7],
      ['connection', 1],
    ]);
    // REFUSED_STREAM and INTERNAL_ERROR are no fault of the caller.
    for (const code of [7, 2]) for (let index = 0; index < 100; index += 1) meter.sent(frame('RST_STREAM', 0, 1, uint32(code))); // prettier-ignore
    expect(refusals).toEqual([]);
    for (let index = 0; index <= limits.http2ResetsPerMinuteMax; index += 1)
      meter.sent(frame('RST_STREAM', 0, 1, uint32(1)));
    expect(refusals).toEqual(['ERR_HTTP2_FRAMES']);
  });

  it('is at a boundary of what is sent when a frame has ended', () => {
    expect(meter.sentBoundary).toBe(true);
    const data = frame('DATA', 0, 1, Buffer.alloc(4));
    meter.sent(data.subarray(0, 9));
    expect(meter.sentBoundary).toBe(false);
    meter.sent(data.subarray(9));
    expect(meter.sentBoundary).toBe(true);
  });
});
