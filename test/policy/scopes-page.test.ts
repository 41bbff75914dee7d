/** docs/policies.md says what a pseudonym of each scope links. Computed here, compared, and written by UPDATE_GOLDEN=1. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deciderFor, pass, policyOf, policyText, read, root } from './fixtures.ts';

const scopes = ['session', 'account', 'conversation', 'gatekeeper'] as const;

interface Reading {
  readonly session: string;
  readonly account: string;
  readonly gatekeeper: string;
  readonly contact: string;
}

const usual: Reading = {
  session: 's1',
  account: 'juliet@provider.example',
  gatekeeper: 'gk',
  contact: 'romeo@gk.example',
};
const contact = { contact: 'paris@gk.example' };
const session = { session: 's2' };
const account = { ...session, account: 'nurse@provider.example' };
const gatekeeper = { ...session, gatekeeper: 'other' };

/** What the column says, and what is different from the usual reading. */
const columns: readonly (readonly [title: string, other: Partial<Reading>])[] = [
  ['to two contacts', contact],
  ['in two sessions', session],
  ['of two accounts', account],
  ['at two gatekeepers', gatekeeper],
];

/** The pseudonym of one and the same value. */
function pseudonym(scope: string, { session, account, gatekeeper, contact }: Reading): string {
  const policy = policyOf(policyText(`{ gatekeeper: { id.thread: { pseudonymise: { scope: ${scope} } } } }`));
  const decider = deciderFor(policy, 'to-gatekeeper', { session, account, gatekeeper });
  const { after } = pass(
    decider,
    `<message xmlns='jabber:client' to='${contact}'><thread>t</thread><body>x</body></message>`,
  );
  return /<thread>([^<]+)</.exec(after)![1]!;
}

it('says what a pseudonym of each scope links', () => {
  const rows = scopes.map((scope) => {
    const own = pseudonym(scope, usual);
    expect(own).not.toBe('t');
    const cells = columns.map(([, other]) =>
      pseudonym(scope, { ...usual, ...other }) === own ? 'same' : 'other',
    );
    return [`\`${scope}\``, ...cells];
  });
  const table = [['`scope`', ...columns.map(([title]) => title)], ...rows];
  const widths = table[0]!.map((_, at) => Math.max(...table.map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`;
  const [head, ...body] = table.map(line);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const block = /(<!-- scopes:.*-->\n)[^]*(<!-- end of scopes -->)/;
  const page = read('docs/policies.md');
  const written = page.replace(block, (_, start: string, end: string) =>
    [start, head, rule, ...body, '', end].join('\n'),
  );
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(root, 'docs/policies.md'), written);
  else expect(page).toBe(written);
});

it('names the fields that have no conversation', () => {
  const page = read('docs/policies.md');
  for (const field of ['bind.resource', 'id.presence', 'push.node', 'sasl.user-agent.id'])
    expect(page).toContain(`\`${field}\``);
});
