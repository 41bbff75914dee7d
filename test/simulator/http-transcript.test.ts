import { describe, expect, it } from 'vitest';
import { formatAnswer, formatRequest } from '../../src/simulator/http/transcript.ts';
import { answer, json } from '../../src/simulator/http/message.ts';

const token = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(100)}.${'b'.repeat(86)}`;

describe('an HTTP message, for a terminal', () => {
  it('has its headers in order, and no more of a secret than its beginning', () => {
    const lines = formatRequest({
      method: 'POST',
      target: `/media/${'T'.repeat(40)}?x=1`,
      headers: [
        ['User-Agent', 'Balcony/1.4'],
        ['Authorization', `Bearer ${token}`],
        ['Host', '127.0.0.1:8443'],
        ['Content-Length', '12'],
        ['Cookie', 'a=b'],
        ['Authorization', 'Basic cm9tZW86SjBsMTN0MTIz'],
      ],
      body: json({ ownershipToken: token, id: 'e/1', long_name_of_a_member_supported: ['x'] }),
    });
    expect(lines).toEqual([
      'POST /media/TTTTTTTTTTTT… (40 characters)?x=1',
      'authorization: Basic cm9tZW86SjBs… (20 characters)',
      'authorization: Bearer eyJhbGciOiJF… (208 characters)',
      'cookie: a=b',
      'user-agent: Balcony/1.4',
      '{',
      '  "ownershipToken": "eyJhbGciOiJF… (208 characters)",',
      '  "id": "e/1",',
      '  "long_name_of_a_member_supported": [',
      '    "x"',
      '  ]',
      '}',
    ]);
  });

  it('has bytes counted, not shown', () => {
    const body = Buffer.from([0, 1, 2]);
    expect(formatAnswer({ status: 206, headers: [['ETag', '"v"']], body })).toEqual([
      'HTTP 206',
      'etag: "v"',
      '(3 bytes)',
    ]);
    expect(formatAnswer(answer(204))).toEqual(['HTTP 204']);
  });
});
