/** The engine and the reference agree about stanzas of the chat channel, under policies that no check would pass as well. */
import { expect, it } from 'vitest';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import { loadPolicy } from '../../src/policy/resolve.ts';
import { policySource } from '../../src/app/files/policies.ts';
import {
  chatNamespace,
  evaluateChat,
  everyElement,
  readChatCatalogue,
  type Direction,
  type Treatment,
} from '../reference/chat.ts';
import { attributeOf, isElement, readTree, writeTree, type Element } from '../reference/tree.ts';
import { context, pass, tools } from '../policy/fixtures.ts';
import { Random } from '../support/random.ts';

const catalogue = readChatCatalogue();
const examples = catalogue.forms.map(({ example }) => readTree(example));
const elements = examples.flatMap(everyElement);
const unknown = readTree(`<spy xmlns='${chatNamespace}' a='1'><enc v='2'/>AAAA</spy>`);
const attributes = [...elements.flatMap((each) => each.attributes), ...unknown.attributes];
const types = [...new Set(examples.map((each) => attributeOf(each, 'type') ?? ''))];
const directions: readonly Direction[] = ['to-gatekeeper', 'to-client'];

/** Returns an example with attributes, types and elements of others, and some of its own left out. */
function variation(random: Random): Element {
  return changed(random.pick(examples), random, 0);
}

function changed(element: Element, random: Random, depth: number): Element {
  const own = element.attributes.filter(() => !random.once(12));
  const more = random.once(3) ? [random.pick(attributes)] : [];
  const all = [...own, ...more].filter(
    (each, index, list) =>
      list.findIndex(({ name, namespace }) => name === each.name && namespace === each.namespace) === index,
  );
  const typed = all.map((each) =>
    each.name === 'type' && depth === 0 && random.once(3) ? { ...each, value: random.pick(types) } : each,
  );
  const content = element.content
    .filter(() => !random.once(10))
    .map((node) => (isElement(node) ? changed(node, random, depth + 1) : node));
  if (depth < 3 && random.once(4)) content.push(random.pick([unknown, ...elements]));
  return { ...element, attributes: typed, content };
}

/** Fields that name a part of a stanza. The reference has no rules about answers, which name what they answer. */
const selecting = catalogue.forms.filter(({ name }) => !name.startsWith('answer.'));

/** Returns random rules, as text and as the reference reads them. */
function rules(random: Random): { readonly text: string; readonly treatmentOf: (name: string) => Treatment } {
  const chosen = new Map<string, Treatment>();
  for (let count = random.below(9); count > 0; count -= 1) {
    const { name, permits } = random.pick(selecting);
    const kind = random.pick([...permits, 'drop', 'refuse', 'lower']);
    if (kind === 'replace') chosen.set(name, { kind, text: 'same' });
    else if (kind === 'coarsen') chosen.set(name, { kind, seconds: 3_600 });
    else if (kind === 'keep' || kind === 'drop' || kind === 'refuse' || kind === 'lower')
      chosen.set(name, { kind });
  }
  const written = [...chosen].map(([name, treatment]) => {
    if (treatment.kind === 'replace') return `${name}: { replace: same }`;
    return treatment.kind === 'coarsen' ? `${name}: { coarsen: 1h }` : `${name}: ${treatment.kind}`;
  });
  return { text: written.join(', '), treatmentOf: (name) => chosen.get(name) ?? { kind: 'keep' } };
}

it('they give the same stanzas', { timeout: 120_000 }, () => {
  const random = new Random(20_261_130);
  const counts = { stopped: 0, changed: 0, same: 0 };
  for (let policies = 0; policies < 100; policies += 1) {
    const { text, treatmentOf } = rules(random);
    const unlisted = random.pick(['drop', 'drop', 'keep', 'refuse'] as const);
    const file = `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: generated }\nspec:\n  extends: passthrough\n  unlisted: ${unlisted}\n  audiences: { gatekeeper: { ${text} }, client: { ${text} } }\n`;
    const loaded = loadPolicy({ file: 'generated.yaml', text: file }, policySource);
    if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.diagnostics));
    const compiled = new CompiledPolicy(loaded.value, tools);
    for (let stanzas = 0; stanzas < 25; stanzas += 1) {
      const stanza = variation(random);
      const direction = random.pick(directions);
      const given = writeTree(stanza);
      const expected = evaluateChat({ catalogue, direction, treatmentOf, unlisted, stanza });
      // Of an answer, an acknowledgement or a receipt something leaves in any case: the tests of what is owed say what.
      const isAnswer =
        ['ack', 'receipt'].includes(stanza.name) ||
        (stanza.name === 'iq' && ['result', 'error'].includes(attributeOf(stanza, 'type') ?? ''));
      if (expected === 'stopped' && isAnswer) continue;
      const decider = new Decider(compiled, direction, context, { clock: tools.clock, random: () => 1 });
      const { after } = pass(decider, given);
      const told = after === '' ? 'stopped' : writeTree(readTree(after));
      const wanted = expected === 'stopped' ? expected : writeTree(expected);
      expect(told, `${direction} unlisted ${unlisted} { ${text} }\n${given}`).toBe(wanted);
      counts[wanted === 'stopped' ? 'stopped' : wanted === given ? 'same' : 'changed'] += 1;
    }
  }
  expect(counts.stopped).toBeGreaterThan(250);
  expect(counts.changed).toBeGreaterThan(250);
  expect(counts.same).toBeGreaterThan(250);
});

it('both lower a receipt, and an engine that would not is found out', () => {
  const receipt = readTree(`<receipt xmlns='${chatNamespace}' to='1@s.whatsapp.net' id='A'/>`);
  const treatmentOf = (name: string): Treatment => ({
    kind: name === 'receipt.delivered' ? 'lower' : 'keep',
  });
  const seen = evaluateChat({
    catalogue,
    direction: 'to-gatekeeper',
    unlisted: 'drop',
    stanza: receipt,
    treatmentOf,
  });
  expect(seen === 'stopped' ? seen : attributeOf(seen, 'type')).toBe('inactive');
  expect(seen === 'stopped' ? seen : writeTree(seen)).not.toBe(writeTree(receipt));
});
