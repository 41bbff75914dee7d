/** Before the session's account is known, what belongs to an account has pseudonyms of the session: with an empty account
 *  they would be the same for every account. */
import { describe, expect, it } from 'vitest';
import { deciderFor, mediaHost, pass, policyOf, policyText } from './fixtures.ts';

const bind =
  "<iq xmlns='jabber:client' type='set' id='purple-1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>laptop</resource></bind></iq>";
const first = { account: '', session: 'first' };
const second = { account: '', session: 'second' };
const rules = (scope: string): ReturnType<typeof policyOf> => {
  const by = `{ pseudonymise: { scope: ${scope}, rotate: 30d } }`;
  return policyOf(
    policyText(`{ gatekeeper: { bind.resource: ${by}, id.iq: ${by}, content.media-url: ${by} } }`),
  );
};
const sent = (scope: string, over: Record<string, string>, text = bind): string =>
  pass(deciderFor(rules(scope), 'to-gatekeeper', over), text).after;
const resourceIn = (text: string): string => /<resource>([\w-]{107})<\/resource>/.exec(text)![1]!;
const idIn = (text: string): string => / id='([\w-]{107})'/.exec(text)![1]!;

describe.each(['account', 'conversation'])('scope %s', (scope) => {
  it('two sessions of accounts that nothing is known of share no pseudonym', () => {
    const [one, other] = [sent(scope, first), sent(scope, second)];
    expect(resourceIn(one)).not.toBe(resourceIn(other));
    expect(idIn(one)).not.toBe(idIn(other));
  });

  it('two accounts share none, and two sessions of one account do', () => {
    const of = (account: string, session: string): string => resourceIn(sent(scope, { account, session }));
    expect(of('me@provider.example', 'first')).toBe(of('me@provider.example', 'second'));
    expect(of('me@provider.example', 'first')).not.toBe(of('you@provider.example', 'first'));
  });

  it('the answer that states the account restores the client’s own value', () => {
    const out = sent(scope, first);
    const account = 'me@provider.example';
    const bound = { ...first, account, resource: resourceIn(out) };
    const answer = `<iq type='result' id='${idIn(out)}' to='${account}/${bound.resource}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${account}/${bound.resource}</jid></bind></iq>`;
    expect(pass(deciderFor(rules(scope), 'to-client', bound), answer).after).toBe(
      `<iq type='result' id='purple-1' to='${account}/laptop'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${account}/laptop</jid></bind></iq>`,
    );
  });

  it('seals addresses for the session', () => {
    const message = `<message to='a@b'><x xmlns='jabber:x:oob'><url>${mediaHost}/file</url></x></message>`;
    const [one, other] = [sent(scope, first, message), sent(scope, second, message)];
    expect(one).toContain('https://proxy.example/media/');
    expect(one).not.toBe(other);
  });
});
