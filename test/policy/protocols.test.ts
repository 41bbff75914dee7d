/** One policy for two protocols: what the catalogue says of each, what `check` refuses for which, and the outcome for
 *  stanzas of the chat channel. */
import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../src/policy/catalogue.ts';
import { listFields } from '../../src/policy/fields.ts';
import { explain } from '../../src/policy/explain.ts';
import type { ProtocolName } from '../../src/policy/protocols.ts';
import { openPolicy } from '../../src/app/files/policies.ts';
import { catalogue, complaints, notices, policyOf, policyText, tools } from './fixtures.ts';

const chat = "xmlns='urn:narthex:chat:0'";

function known(...protocols: ProtocolName[]) {
  return { knowable: { listeners: [], claims: [], regions: false, protocols } };
}

function towardsGatekeeper(rules: string, spec = ''): string {
  return policyText(`{ gatekeeper: { ${rules} } }`, spec);
}

describe('a rule for a field of both protocols', () => {
  const drop = towardsGatekeeper('receipt.delivered: drop');
  const refused = (lines: readonly string[]) => lines.filter((line) => line.includes(': error '));

  it('is refused where a gatekeeper has the protocol in which it breaks delivery', () => {
    expect(refused(complaints(drop, known('xmpp', 'chat-channel')))).toEqual([
      'p.yaml:7:30: error ERR_POLICY_SETTLES receipt.delivered: drop withholds what settles a message: no known client leaves it out, and the gatekeeper may send the message again. Use keep or lower or delay or equalise',
    ]);
    expect(refused(complaints(drop, known('chat-channel')))).toHaveLength(1);
  });

  it('is not where none has', () => {
    expect(refused(complaints(drop, known('xmpp')))).toEqual([]);
    expect(complaints(drop, known('xmpp')).join()).not.toContain('WARN_POLICY_PROTOCOL');
  });

  it('is warned of where the protocols are not known', () => {
    expect(refused(complaints(drop))).toEqual([]);
    expect(complaints(drop).filter((line) => line.includes('WARN_POLICY_PROTOCOL'))).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_PROTOCOL receipt.delivered: with a gatekeeper of protocol chat-channel it would be refused: drop withholds what settles a message: no known client leaves it out, and the gatekeeper may send the message again. Use keep or lower or delay or equalise',
    ]);
  });

  it.each([
    ['receipt.retry: drop', 'ERR_POLICY_E2EE_BOUND'],
    ['receipt.own: drop', 'ERR_POLICY_SETTLES'],
    ['receipt.own: { delay: { up-to: 5s } }', 'ERR_POLICY_TREATMENT'],
    ['keys.fetch: drop', 'ERR_POLICY_E2EE_BOUND'],
    ['keys.devices: { replace: x }', 'ERR_POLICY_E2EE_BOUND'],
    ['participants.hash: drop', 'ERR_POLICY_E2EE_BOUND'],
    ['report.token: { pseudonymise: { scope: session } }', 'ERR_POLICY_E2EE_BOUND'],
    ['message.delivery: drop', 'ERR_POLICY_ROUTING'],
    ['stream.ping: drop', 'ERR_POLICY_ANSWER_OWED'],
    ['time.stamp: lower', 'ERR_POLICY_TREATMENT'],
    ['chat-state: lower', 'ERR_POLICY_TREATMENT'],
  ])('%s is refused with %s and a remedy', (rule, code) => {
    const lines = refused(complaints(towardsGatekeeper(rule)));
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^p\\.yaml:7:30: error ${code} .+\\. Use .+$`))]);
  });

  it('may be about devices of contacts, which the client must get', () => {
    expect(complaints(policyText('{ client: { keys.notification: drop } }'))).toEqual([
      expect.stringContaining('ERR_POLICY_E2EE_BOUND'),
    ]);
  });
});

describe('a required feature of the framework', () => {
  const typing = towardsGatekeeper('chat-state: drop');

  it('is noticed when a policy touches it, and nothing fails of it', () => {
    expect(notices(typing)).toEqual([
      'p.yaml:7:30: notice NOTE_POLICY_FEATURE chat-state: drop touches a required feature (whatsapp-technical-framework TF-typing: typing indicators are shown)',
    ]);
    expect(notices(typing, known('xmpp', 'chat-channel'))).toHaveLength(1);
  });

  it('is no concern of gatekeepers that speak XMPP', () => {
    expect(notices(typing, known('xmpp'))).toEqual([]);
  });

  it('is left whole by a delay', () => {
    expect(notices(towardsGatekeeper('receipt.read: { equalise: { after: 3s } }'))).toEqual([]);
    expect(notices(towardsGatekeeper('receipt.read: lower'))).toHaveLength(1);
  });
});

const seen = (policy: string, text: string, direction: 'to-gatekeeper' | 'to-client' = 'to-gatekeeper') => {
  const { after, reply } = explain(openPolicy(policy), direction, text, tools);
  return reply === '' ? after : `reply ${reply}`;
};

describe('a stanza of the chat channel', () => {
  it.each([
    ['a tag that the catalogue lacks', `<secret ${chat} to='1@s.whatsapp.net'/>`, ''],
    [
      'an attribute that it lacks',
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='read' spy='1'/>`,
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='read'/>`,
    ],
    [
      'an element that it lacks, with what is in it',
      `<message ${chat} id='A' to='1@s.whatsapp.net' type='text'><enc v='2' type='msg'>AAAA</enc><spy><enc/></spy></message>`,
      `<message ${chat} id='A' to='1@s.whatsapp.net' type='text'><enc v='2' type='msg'>AAAA</enc></message>`,
    ],
    [
      'a request that it lacks',
      `<iq ${chat} id='A' to='s.whatsapp.net' type='get' n:xmlns='spy'><list/></iq>`,
      `reply <iq ${chat} id='A' from='s.whatsapp.net' type='error'><error code='503' text='service-unavailable'/></iq>`,
    ],
    [
      'a node by a mark',
      `<message ${chat} id='A'><n:node tag='a:b'/></message>`,
      `reply <ack ${chat} class='message' id='A' error='503'/>`,
    ],
    [
      'an attribute by a mark',
      `<presence ${chat} type='available'><n:a name='name' b64='AQ=='/></presence>`,
      `<presence ${chat} type='available'></presence>`,
    ],
    ['typing', `<chatstate ${chat} to='1@s.whatsapp.net'><composing media='audio'/></chatstate>`, ''],
  ])('%s: balanced drops it', (_, text, expected) => {
    expect(seen('balanced', text)).toBe(expected);
  });

  it.each([
    [
      'says less in a delivery receipt',
      `<receipt ${chat} id='A' to='1@s.whatsapp.net'/>`,
      `<receipt type='inactive' ${chat} id='A' to='1@s.whatsapp.net'/>`,
    ],
    [
      'leaves what cannot be lower',
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='inactive'/>`,
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='inactive'/>`,
    ],
    [
      'passes a request to encrypt anew',
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='retry'><retry count='1' id='A'/><registration>AAAA</registration></receipt>`,
      `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='retry'><retry count='1' id='A'/><registration>AAAA</registration></receipt>`,
    ],
    ['drops a read receipt', `<receipt ${chat} id='A' to='1@s.whatsapp.net' type='read'/>`, ''],
  ])('strict %s', (_, text, expected) => {
    expect(seen('strict', text)).toBe(expected);
  });

  it.each([
    [`type='read'`, `type='read-self'`],
    [`type='played'`, `type='read-self'`],
    [`type="r&#101;ad"`, `type="read-self"`],
  ])('is lowered whatever the way of writing: %s', (given, expected) => {
    const policy = policyOf(towardsGatekeeper('receipt.read: lower'));
    const receipt = (type: string) => `<receipt ${chat} id='A' ${type} to='1@s.whatsapp.net'/>`;
    const { after, decisions } = explain(policy, 'to-gatekeeper', receipt(given), tools);
    expect(after).toBe(receipt(expected));
    expect(decisions).toContainEqual(expect.objectContaining({ field: 'receipt.read', treatment: 'lower' }));
  });

  it('is dropped by `lower` in XMPP, where nothing is lower', () => {
    const displayed =
      "<message xmlns='jabber:client' to='a@b.example'><displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/></message>";
    const policy = policyOf(towardsGatekeeper('receipt.read: lower'));
    expect(explain(policy, 'to-gatekeeper', displayed, tools).after).toBe('');
  });

  it('passes unchanged under passthrough, with what the catalogue lacks', () => {
    for (const { protocol, example } of [...catalogue.fields.values(), ...catalogue.forms]) {
      if (protocol !== 'chat-channel') continue;
      expect(seen('passthrough', example)).toBe(example);
      expect(seen('passthrough', example, 'to-client')).toBe(example);
    }
  });
});

it('is named in the list of fields with the protocols that have it', () => {
  const listed = new Map(listFields(catalogue).map((each) => [each.name, each]));
  expect(listed.get('pep.geoloc')!.protocols).toEqual(['xmpp']);
  expect(listed.get('keys.fetch')!.protocols).toEqual(['chat-channel']);
  expect(listed.get('conn.client-ip')!.protocols).toEqual([]);
  const { protocols, forms } = listed.get('receipt.delivered')!;
  expect(protocols).toEqual(['xmpp', 'chat-channel']);
  expect(forms.map(({ directions, permits }) => [directions, permits.includes('drop')])).toEqual([
    [['to-gatekeeper'], false],
    [['to-client'], true],
  ]);
});

describe('a catalogue file of another protocol', () => {
  const head = 'apiVersion: narthex/v1\nkind: MetadataCatalogue\nmetadata: { name: x }\n';
  const space = 'namespaces: { chat: "urn:narthex:chat:0" }\n';
  const first = `${head}fields:\n  a.b:\n    { title: T, source: s, direction: both, category: timing, reveals: r, breaks: b, value: none, permits: [keep], select: [presence/x], example: e }\n`;
  const form = (more: string) =>
    `{ source: s, direction: both, permits: [keep], select: ["chat:presence/@x"], example: e${more} }`;
  const problems = (...texts: string[]) =>
    loadCatalogue(texts.map((text, index) => ({ file: `${index}.yaml`, text }))).diagnostics.map(
      ({ file, line, reason }) => `${file}:${line} ${reason}`,
    );
  const second = (forms: string) => `${head}protocol: chat-channel\n${space}forms:\n${forms}\n`;

  it('adds a form, in whatever order the files are', () => {
    const files = [second(`  a.b: [${form('')}]`), first];
    expect(problems(...files)).toEqual([]);
    expect(problems(...files.toReversed())).toEqual([]);
  });

  it.each([
    [
      'no such field',
      `  a.c: [${form('')}]`,
      '1.yaml:7 a.c is in no catalogue file, so it has no other form',
    ],
    [
      'a direction twice',
      `  a.b: [${form('')}, ${form('')}]`,
      'a.b has two forms of chat-channel in one direction',
    ],
    [
      'lower without values',
      `  a.b: [${form('').replace('[keep]', '[keep, lower]')}]`,
      '`lower` is permitted where',
    ],
    ['values that are not permitted', `  a.b: [${form(', lower: drop')}]`, '`lower` is permitted where'],
    [
      'lower of what is no element',
      `  a.b: [${form(', lower: { attribute: type, values: { a: b } }').replace('[keep]', '[keep, lower]')}]`,
      'so that is an element',
    ],
    [
      'stanzas of XMPP',
      `  a.b: [${form('').replace('chat:presence', 'presence')}]`,
      'is about xmpp, and the file about chat-channel',
    ],
    [
      'no selector',
      `  a.b: [{ source: s, direction: both, permits: [keep], example: e }]`,
      'and have selectors',
    ],
  ])('is refused with %s', (_, forms, reason) => {
    const [found, ...others] = problems(first, second(forms));
    expect(found).toContain(reason);
    expect(others).toEqual([]);
  });

  it('is refused with a form of its own fields', () => {
    expect(problems(`${first}forms:\n  a.b: [${form('').replace('chat:presence', 'presence')}]\n`)).toEqual([
      '0.yaml:8 a.b is a field of xmpp already: add to its selectors',
    ]);
  });
});
