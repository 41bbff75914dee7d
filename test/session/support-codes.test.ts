/** The table of support codes: what is kept of a refusal, for how long, and how often it can be asked for. */
import { describe, expect, it } from 'vitest';
import { lookUpsPerMinuteMax, SupportCodes } from '../../src/session/support-codes.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { Conversation, opens, settled } from './conversation.ts';

const minuteMs = 60_000;
const start = Date.UTC(2026, 10, 29, 17, 3);

function table({ refusalsMax = 100, random }: { refusalsMax?: number; random?: () => Uint8Array } = {}) {
  let now = start;
  const codes = new SupportCodes({ refusalsMax, now: () => now, ...(random && { random }) });
  return {
    codes,
    pass: (milliseconds: number) => (now += milliseconds),
    /** Whether a code is known; asked at any rate. */
    knows: (code: string): boolean => codes.lookUp(code).kind === 'kept',
  };
}

describe('a support code', () => {
  it('leads to phase, code and minute, and to nothing else', () => {
    const { codes, pass } = table();
    pass(31_000);
    const code = codes.note('dialling', 'ERR_GATEKEEPER_TLS');
    expect(codes.lookUp(code)).toEqual({
      kind: 'kept',
      refusal: { phase: 'dialling', code: 'ERR_GATEKEEPER_TLS', minute: start },
    });
  });

  it('is forty random bits, in letters that are not taken for others', () => {
    const codes = Array.from({ length: 2_000 }, () => table().codes.note('routing', 'ERR_UNKNOWN_DOMAIN'));
    expect(new Set(codes).size).toBe(2_000);
    for (const code of codes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    // Each of eight places takes each of 32 characters; a place with fewer would have fewer bits.
    for (const place of [0, 1, 2, 3, 5, 6, 7, 8])
      expect(new Set(codes.map((code) => code[place])).size).toBe(32);
    const bytes = Uint8Array.of(0x00, 0x44, 0x32, 0x14, 0xc7);
    expect(table({ random: () => bytes }).codes.note('routing', 'ERR_INTERNAL')).toBe('0123-4567');
    const ones = new Uint8Array(5).fill(0xff);
    expect(table({ random: () => ones }).codes.note('routing', 'ERR_INTERNAL')).toBe('ZZZZ-ZZZZ');
  });

  it('is found however it is written', () => {
    const bytes = Uint8Array.of(0x00, 0x44, 0x32, 0x14, 0xc7);
    const { codes, knows } = table({ random: () => bytes });
    codes.note('routing', 'ERR_INTERNAL');
    for (const text of ['0123-4567', '01234567', 'o123-4567', 'Oi23 4567', 'ol234567'])
      expect(knows(text)).toBe(true);
    for (const text of ['', '0123-456', '0123-45670', '0123-4568', '__proto__'])
      expect(knows(text)).toBe(false);
  });

  it('is kept for fifteen minutes after its minute, and then forgotten', () => {
    const { codes, pass, knows } = table();
    pass(59_999);
    const code = codes.note('dialling', 'ERR_GATEKEEPER_TLS');
    pass(15 * minuteMs);
    expect([knows(code), codes.size]).toEqual([true, 1]);
    pass(1);
    expect([knows(code), codes.size]).toEqual([false, 0]);
  });

  it('is forgotten by the sweep, without a look-up', () => {
    const { codes, pass } = table();
    codes.note('dialling', 'ERR_GATEKEEPER_TLS');
    pass(8 * minuteMs);
    codes.note('dialling', 'ERR_GATEKEEPER_TLS');
    pass(8 * minuteMs);
    codes.forgetOld();
    expect(codes.size).toBe(1);
  });

  it('is one of a bounded number; the oldest is forgotten first', () => {
    const { codes, knows } = table({ refusalsMax: 3 });
    const given = Array.from({ length: 5 }, () => codes.note('routing', 'ERR_UNKNOWN_DOMAIN'));
    expect(codes.size).toBe(3);
    expect(given.map(knows)).toEqual([false, false, true, true, true]);
  });

  it('cannot be guessed: look-ups have a rate', () => {
    const { codes, pass, knows } = table();
    const code = codes.note('routing', 'ERR_UNKNOWN_DOMAIN');
    for (let guess = 0; guess < lookUpsPerMinuteMax; guess += 1) expect(knows('0000-0000')).toBe(false);
    expect(codes.lookUp(code)).toEqual({ kind: 'too-many' });
    pass(minuteMs);
    expect(knows(code)).toBe(true);
  });
});

describe('a client that is refused', () => {
  it('is sent a code with the error text, and the code is kept with the phase', async () => {
    const noted: string[] = [];
    const supportCode = (phase: string, code: string): string => {
      noted.push(`${phase} ${code}`);
      return '7K3M-Q9XW';
    };
    const talk = new Conversation({ supportCode });
    await settled();
    await talk.client.says(opens({ to: 'montague.example' }));
    expect(talk.client.heard).toMatch(
      /<host-unknown [^>]*><text [^>]*>This service does not serve that domain\. Support code 7K3M-Q9XW\.<\/text>/,
    );
    expect(noted).toEqual(['routing ERR_UNKNOWN_DOMAIN']);
    await talk.over();
  });

  it('is sent one where the error has no text of its own', async () => {
    const talk = await new Conversation({ supportCode: () => '7K3M-Q9XW' }).established();
    await talk.client.says('<a></b>');
    expect(talk.client.heard).toContain("xml:lang='en'>Support code 7K3M-Q9XW.</text>");
    await talk.over();
  });

  it('is sent none when it is only to connect again, and the gatekeeper never is', async () => {
    const noted: string[] = [];
    const supportCode = (_: string, code: string): string => String(noted.push(code));
    const age = await new Conversation({ supportCode, sessionAgeMs: () => 1_000 }).established();
    age.clock.advance(1_000);
    await settled();
    const drained = await new Conversation({ supportCode }).established();
    await drained.over();
    expect(drained.client.heard).toContain('<system-shutdown ');
    expect(noted).toEqual([]);
    const broken = await new Conversation({ supportCode }).established();
    await broken.gatekeeper.says('<a></b>');
    expect(noted).toEqual(['ERR_XML_NOT_WELL_FORMED']);
    expect(broken.gatekeeper.heard).not.toContain('Support code');
    await broken.over();
  });

  it('uses no code where nothing can be sent', async () => {
    const noted: string[] = [];
    const talk = new Conversation({
      supportCode: (_, code) => String(noted.push(code)),
      secure: () => Promise.reject(new StreamError('undefined-condition', { code: 'ERR_TLS_HANDSHAKE' })),
    });
    await settled();
    expect([talk.closed, noted]).toEqual(['ERR_TLS_HANDSHAKE', []]);
  });
});
