/** What is asked, what is counted and what is obeyed: the same for streams, headers, signals and HTTP. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { httpPolicy } from '../../src/app/parts/http-policy.ts';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Enforcement } from '../../src/policy/enforcement.ts';
import { headerPolicy } from '../../src/session/policy/header-policy.ts';
import { policyStage } from '../../src/session/policy/policy-stage.ts';
import type { StagePort } from '../../src/session/stage.ts';
import {
  catalogue,
  context,
  media,
  names,
  policyOf,
  policyText,
  pseudonyms,
  root,
  today,
  wire,
} from './fixtures.ts';

const chat = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const clock = (): number => today;
const compiled = (rules: string, spec = ''): CompiledPolicy =>
  new CompiledPolicy(policyOf(policyText(`{ gatekeeper: { ${rules} } }`, spec)), {
    catalogue,
    names,
    pseudonyms,
    media,
  });
const drops = 'chat-state: drop, stream.lang: drop, http.user-agent: drop';
const keeps = 'chat-state: keep, stream.lang: keep, http.user-agent: keep';

/** What leaves under two policies, and what is counted. */
function under(enforced: CompiledPolicy, shadow?: CompiledPolicy): { left: unknown[]; counted: string[] } {
  const counted: string[] = [];
  const enforcement = new Enforcement({
    policies: () => ({ enforced, shadow }),
    decided: (_subject, _audience, mode, decisions) =>
      counted.push(
        ...decisions
          .filter(({ field }) => ['chat-state', 'stream.lang', 'http.user-agent'].includes(field))
          .map(({ field, treatment }) => `${mode} ${field} ${treatment}`),
      ),
  });
  const port = { context: { ...context, phase: 'established', id: 's' } } as unknown as StagePort;
  const stage = policyStage({ enforcement, clock, random: () => 1 }).begin(port);
  const stanza = wire.parse(`<message to='a@b'><body>b</body>${chat}</message>`, names);
  const verdict = stage.judge(stanza, 'to-gatekeeper');
  const edits = verdict.kind === 'forward' ? (verdict.edits ?? []) : [];
  const header = headerPolicy({ enforcement, clock })(new Map([['xml:lang', 'en']]), 'to-gatekeeper', {
    gatekeeper: 'gk',
  });
  const agent = httpPolicy({ enforcement, clock }).apply('gatekeeper', 'http.user-agent', 'x', 'gk');
  return {
    left: [Buffer.from(wire.write(stanza, edits)).toString().includes(chat), header.get('xml:lang'), agent],
    counted,
  };
}

const everything = [true, 'en', 'x'];
const nothing = [false, undefined, undefined];
const counts = (mode: string, treatment: string): string[] =>
  ['chat-state', 'stream.lang', 'http.user-agent'].map((field) => `${mode} ${field} ${treatment}`);

it('a policy is obeyed', () => {
  expect(under(compiled(drops))).toEqual({ left: nothing, counted: counts('enforced', 'drop') });
});

it('a policy in mode shadow is asked and counted, and changes nothing', () => {
  expect(under(compiled(drops, '  mode: shadow\n'))).toEqual({
    left: everything,
    counted: counts('shadow', 'drop'),
  });
});

it('a second policy as shadow is asked and counted, and changes nothing', () => {
  const { left, counted } = under(compiled(keeps), compiled(drops));
  expect(left).toEqual(everything);
  expect(counted.toSorted()).toEqual([...counts('enforced', 'keep'), ...counts('shadow', 'drop')].toSorted());
  const other = under(compiled(drops), compiled(keeps));
  expect(other.left).toEqual(nothing);
});

it('decisions are counted in one place', () => {
  const files = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const counting = files.filter((file) => /\bdecided\(/.test(readFileSync(`${root}/src/${file}`, 'utf8')));
  expect(counting).toEqual(['policy/enforcement.ts']);
});
