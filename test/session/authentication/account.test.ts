import { describe, expect, it } from 'vitest';
import { accountAfter } from '../../../src/session/authentication/account.ts';
import { stanzaOf } from '../../capabilities/stanza-of.ts';
import { vocabulary } from '../../support/scan.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const after = (xml: string, known = ''): string =>
  accountAfter(known, stanzaOf(xml, vocabulary), 'capulet.example');
const base64 = (message: string): string => Buffer.from(message).toString('base64');
const claimed = (message: string, mechanism = 'X', known = ''): string =>
  after(`<auth xmlns='${sasl}' mechanism='${mechanism}'>${base64(message)}</auth>`, known);

describe('the account that a client authenticates as', () => {
  it.each([
    ['PLAIN', '\0Juliet\0secret', 'juliet@capulet.example'],
    [
      'PLAIN with an authorization identity',
      'nurse@capulet.example\0juliet\0secret',
      'nurse@capulet.example',
    ],
    ['SCRAM', 'n,,n=juliet,r=nonce', 'juliet@capulet.example'],
    ['SCRAM with a comma in the name', 'n,,n=ju=2Cliet,r=nonce', 'ju,liet@capulet.example'],
    ['OAUTHBEARER', 'n,a=juliet@capulet.example,\x01auth=Bearer a.b.c\x01\x01', 'juliet@capulet.example'],
    ['OAUTHBEARER without a name', 'n,,\x01auth=Bearer a.b.c\x01\x01', ''],
    ['OAUTHBEARER with a name in its token', 'n,,\x01auth=Bearer n=mallory,\x01\x01', ''],
  ])('%s', (_, message, account) => expect(claimed(message)).toBe(account));

  it('is the name in EXTERNAL, and unknown where it has none', () => {
    expect(claimed('Juliet@capulet.example', 'EXTERNAL')).toBe('juliet@capulet.example');
    expect(after(`<auth xmlns='${sasl}' mechanism='EXTERNAL'>=</auth>`)).toBe('');
  });

  it('is read from a later message', () => {
    const response = (message: string): string => `<response xmlns='${sasl}'>${base64(message)}</response>`;
    const asked = after(`<auth xmlns='${sasl}' mechanism='SCRAM-SHA-256'/>`);
    expect(after(response('n,,n=juliet,r=nonce'), asked)).toBe('juliet@capulet.example');
    expect(after(response('c=biws,r=nonce,p=proof'), 'juliet@capulet.example')).toBe(
      'juliet@capulet.example',
    );
  });

  it('leaves no password in memory that other buffers share', () => {
    const password = 'a rose by any other word';
    const xml = `<auth xmlns='${sasl}' mechanism='PLAIN'>${btoa(`\0juliet\0${password}`)}</auth>`;
    expect(after(xml)).toBe('juliet@capulet.example');
    const pool = Buffer.from(Buffer.from('x').buffer);
    expect(pool.length).toBeGreaterThan(1_000);
    expect(pool.includes(password)).toBe(false);
  });

  it('is not that of an attempt before', () => {
    expect(claimed('n,,\x01auth=Bearer a.b.c\x01\x01', 'OAUTHBEARER', 'mallory@capulet.example')).toBe('');
    expect(after(`<auth xmlns='${sasl}' mechanism='EXTERNAL'>=</auth>`, 'mallory@capulet.example')).toBe('');
  });

  it('is found before a token of any length', () => {
    expect(claimed(`n,a=juliet@capulet.example,\x01auth=Bearer ${'t'.repeat(9_000)}\x01\x01`)).toBe(
      'juliet@capulet.example',
    );
  });
});
