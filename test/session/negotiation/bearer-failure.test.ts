/** What a client learns of the failure of its token (RFC 7628 §3.2.2): the reason, and no other issuer. */
import { describe, expect, it } from 'vitest';
import type { ChannelBinding } from '../../../src/session/facts.ts';
import { bearerFailureGuard } from '../../../src/session/negotiation/bearer-failure.ts';
import type { Phase } from '../../../src/session/phase.ts';
import { Legs } from '../legs.ts';

const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const sasl2 = 'urn:xmpp:sasl:2';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const requests = {
  SASL: (mechanism: string) => `<auth xmlns='${sasl}' mechanism='${mechanism}'>YQ==</auth>`,
  'SASL 2': (mechanism: string) =>
    `<authenticate xmlns='${sasl2}' mechanism='${mechanism}'><initial-response>YQ==</initial-response></authenticate>`,
};
const namespaces = { SASL: sasl, 'SASL 2': sasl2 } as const;

describe.each(['SASL', 'SASL 2'] as const)('in %s', (profile) => {
  const challenge = (text: string): string => `<challenge xmlns='${namespaces[profile]}'>${text}</challenge>`;
  const connect = (phase: Phase = 'authenticating', channelBinding: ChannelBinding = 'same-certificate') =>
    new Legs({ stages: [bearerFailureGuard], phase, channelBinding });
  const answered = (mechanism: string, text: string, legs = connect()): string => {
    legs.read('to-gatekeeper', requests[profile](mechanism));
    legs.read('to-client', challenge(text));
    return legs.out['to-client'].join('');
  };
  const hint = 'https://elsewhere.example/.well-known/openid-configuration';

  it.each([
    ['the reason alone', JSON.stringify({ status: 'insufficient_scope', scope: 'elsewhere', 'openid-configuration': hint }), 'insufficient_scope'],
    ['a known reason for another', JSON.stringify({ status: hint }), 'invalid_token'],
    ['one for none', '{}', 'invalid_token'],
    ['one for no object', '"elsewhere"', 'invalid_token'],
    ['one for nothing', 'null', 'invalid_token'],
    ['one for no JSON, which a lenient reader may take', `{"openid-configuration":"${hint}",}`, 'invalid_token'],
    ['one for a member that is there twice', `{"status":"invalid_request","status":"${hint}"}`, 'invalid_token'],
  ])('a failed token gets %s', (_, json, status) => {
    expect(answered('OAUTHBEARER', base64(json))).toBe(challenge(base64(JSON.stringify({ status }))));
  }); // prettier-ignore

  it.each(['', '=', 'no base64!', `${base64('{}')}\n`])('a failed token gets a reason for %j', (text) => {
    expect(answered('OAUTHBEARER', text)).toBe(challenge(base64('{"status":"invalid_token"}')));
  });

  it.each(['SCRAM-SHA-256', 'PLAIN', 'X-OAUTHBEARER'])('a challenge of %s stays as it is', (mechanism) => {
    const text = base64('r=1,s=QQ==,i=4096');
    expect(answered(mechanism, text)).toBe(challenge(text));
  });

  it('follows the client, which may choose again', () => {
    const legs = connect();
    answered('OAUTHBEARER', base64('{}'), legs);
    legs.out['to-client'].length = 0;
    const text = base64('r=1,s=QQ==,i=4096');
    expect(answered('SCRAM-SHA-1', text, legs)).toBe(challenge(text));
  });

  it('is no matter of a session whose client authenticates to the proxy', () => {
    const text = base64('{"status":"other"}');
    expect(answered('OAUTHBEARER', text, connect('authenticating', 'reauthenticate'))).toBe(challenge(text));
  });
});
