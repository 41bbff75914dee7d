import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fingerprintSyn } from '../../src/signals/p0f.ts';
import { readSyn } from '../../src/signals/syn.ts';
import { linuxOptions, mss, syn4, syn6 } from './packet.ts';

/** Saved by the kernel on one end of a veth pair, with what p0f 3.09b of Debian printed there for the same packet. */
const vectors = JSON.parse(readFileSync(new URL('vectors/syn.json', import.meta.url), 'utf8')) as {
  client: string;
  syn: string;
  p0f: string;
}[];

function signature(packet: Uint8Array): string {
  const answer = readSyn(packet);
  return answer.kind === 'syn' ? fingerprintSyn(answer.syn).p0f : answer.kind;
}

const usual = '4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0';

describe('the p0f signature', () => {
  it.each(vectors)('of $client', ({ syn, p0f }) => {
    expect(signature(Buffer.from(syn, 'hex'))).toBe(p0f);
  });

  it.each<[string, Parameters<typeof syn4>[0], string]>([
    ['nothing odd', {}, usual],
    ['no id', { id: 0 }, usual.replace(',id+', '')],
    ['fragments allowed, an id', { fragment: 0 }, usual.replace('df,id+', '')],
    ['fragments allowed, no id', { fragment: 0, id: 0 }, usual.replace('df,id+', 'id-')],
    ['the reserved flag', { fragment: 0xc000 }, usual.replace('id+', 'id+,0+')],
    ['congestion bits in IP', { tos: 1 }, usual.replace('id+', 'id+,ecn')],
    ['a service class alone', { tos: 0xb8 }, usual],
    ['congestion flags in TCP', { flags: 0xc2 }, usual.replace('id+', 'id+,ecn')],
    ['the former nonce bit', { reserved: 1 }, usual.replace('id+', 'id+,ecn')],
    ['sequence number 0', { sequence: 0 }, usual.replace('id+', 'id+,seq-')],
    ['an acknowledgement number', { acknowledgement: 2 }, usual.replace('id+', 'id+,ack+')],
    ['an urgent pointer', { urgent: 1 }, usual.replace('id+', 'id+,uptr+')],
    ['the urgent flag', { flags: 0x22, urgent: 1 }, usual.replace('id+', 'id+,urgf+')],
    ['the push flag', { flags: 0x0a }, usual.replace('id+', 'id+,pushf+')],
    ['IP options', { ipOptions: [1, 1, 1, 0] }, usual.replace('0:1460', '4:1460')],
    ['a payload', { payload: [1] }, usual.replace(/0$/, '+')],
    ['a payload that was not captured', { totalBytes: 300 }, usual.replace(/0$/, '+')],
    ['some hops', { ttl: 52 }, usual.replace('64+0', '52+12')],
    ['an uncommon start', { ttl: 200 }, usual.replace('64+0', '200+?')],
    ['just near enough', { ttl: 220 }, usual.replace('64+0', '220+35')],
  ])('with %s', (_, parts, expected) => {
    expect(signature(syn4(parts))).toBe(expected);
  });

  it.each<[string, number[], string]>([
    ['none', [], '0,0::df,id+:0'],
    ['own timestamp 0', [8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], '0,0:ts,nop,nop:df,id+,ts1-:0'],
    ['a timestamp of the peer', [8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1], '0,0:ts,nop,nop:df,id+,ts2+:0'],
    ['a scale above 14', [3, 3, 15, 1], '0,15:ws,nop:df,id+,exws:0'],
    ['an end', [1, 0, 0, 0], '0,0:nop,eol+2:df,id+:0'],
    ['something after the end', [0, 0, 7, 0], '0,0:eol+3:df,id+,opt+:0'],
    ['something in the very last byte', [0, 0, 0, 7], '0,0:eol+3:df,id+,opt+:0'],
    ['an unknown one', [34, 3, 9, 1], '0,0:?34,nop:df,id+:0'],
    ['acknowledged ranges', [5, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], '0,0:sack,nop,nop:df,id+:0'],
    ['ranges of no length', [5, 2, 1, 1], '0,0:sack:df,id+,bad:0'],
    ['a length of 1', [99, 1, 1, 1], '0,0:?99:df,id+,bad:0'],
    ['a length beyond the header', [99, 5, 1, 1], '0,0:?99:df,id+,bad:0'],
    ['a kind without its length', [1, 1, 1, 99], '0,0:nop,nop,nop,?99:df,id+,bad:0'],
    ['a segment size cut off', [1, 1, 2, 4], '0,0:nop,nop,mss:df,id+,bad:0'],
    ['a wrong length', [4, 3, 1, 1], '0,0:sok,nop,nop:df,id+,bad:0'],
  ])('with options: %s', (_, options, expected) => {
    expect(signature(syn4({ options, window: 0 }))).toBe(`4:64+0:0:0:${expected}`);
  });

  it('lists 24 options and no more', () => {
    const nops = Array.from({ length: 40 }, () => 1);
    expect(signature(syn4({ options: nops }))).toBe(
      `4:64+0:0:0:64240,0:${nops
        .slice(0, 24)
        .map(() => 'nop')
        .join(',')}:df,id+,bad:0`,
    );
  });

  it.each<[string, number, number, string]>([
    ['segments', 1460, 14_600, 'mss*10'],
    ['segments less timestamps', 1412, 14_000, 'mss*10'],
    ['segments of Ethernet', 1400, 14_600, 'mss*10'],
    ['segments of Ethernet less timestamps', 1400, 14_480, 'mss*10'],
    ['packets', 1401, 14_410, 'mtu*10'],
    ['packets with these very headers', 1401, 14_610, 'mtu*10'],
    ['packets of Ethernet', 1401, 15_000, 'mtu*10'],
    ['nothing', 1401, 64_001, '64001'],
    ['tiny segments', 99, 990, '990'],
    ['no window', 1460, 0, '0'],
  ])('counts the window in %s', (_, segment, window, expected) => {
    const options = [...mss(segment), ...linuxOptions.slice(4)];
    expect(signature(syn4({ options, window })).split(':')[4]).toBe(`${expected},7`);
  });

  it('counts in segments of IPv6 over Ethernet only there', () => {
    const options = mss(1300);
    expect(signature(syn6({ options, window: 14_400 }))).toContain(':mss*10,0:');
    expect(signature(syn4({ options, window: 14_400 }))).toContain(':14400,0:');
    expect(signature(syn6({ options, window: 13_600 }))).toContain(':mtu*10,0:');
  });

  it('of IPv6', () => {
    expect(signature(syn6())).toBe('6:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws::0');
    expect(signature(syn6({ flow: 1, tos: 2 }))).toBe('6:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:ecn,flow:0');
    const extensionHeaders = [
      [0, [0, 1, 4, 0, 0, 0, 0]],
      [60, [1, ...Array.from({ length: 14 }, () => 0)]],
    ] as const;
    expect(signature(syn6({ extensionHeaders }))).toBe('6:64+0:24:1460:mss*44,7:mss,sok,ts,nop,ws::0');
  });

  it('has these fields', () => {
    const answer = readSyn(syn4({ ttl: 120 }));
    expect(answer.kind === 'syn' && fingerprintSyn(answer.syn)).toEqual({
      p0f: usual.replace('64+0', '120+8'),
      ipVersion: 4,
      distance: 8,
      initialTtl: 128,
      mss: 1460,
      window: { unit: 'mss', count: 44 },
      windowScale: 7,
      options: ['mss', 'sok', 'ts', 'nop', 'ws'],
      quirks: ['df', 'id+'],
      payload: false,
    });
  });
});
