/** What people really get wrong: each mistake is one line that says where, what, and what to do. */
import { expect, it } from 'vitest';
import { complaints } from './fixtures.ts';

const head = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: p }
spec:
  extends: passthrough
`;

const mistakes: readonly (readonly [name: string, text: string, line: string])[] = [
  ['a tab', `${head}  audiences:\n\tgatekeeper: {}\n`,
   'p.yaml:7:1: error ERR_POLICY_YAML: a tab is used for indentation. Indent with spaces'],
  ['a key twice', `${head}  unlisted: drop\n  unlisted: keep\n`,
   'p.yaml:7:3: error ERR_POLICY_YAML: this key stands here twice. Keep one of the two'],
  ['a field twice', `${head}  audiences:\n    gatekeeper:\n      time.idle: drop\n      time.idle: keep\n`,
   'p.yaml:9:7: error ERR_POLICY_YAML: this key stands here twice. Keep one of the two'],
  ['a line that hangs out', `${head}  audiences:\n    gatekeeper:\n      time.idle: drop\n     chat-state: drop\n`,
   'p.yaml:9:1: error ERR_POLICY_YAML: the indentation does not fit the lines around it. Align it with its siblings'],
  ['a key on the wrong level', `${head}audiences:\n  gatekeeper: { time.idle: drop }\n`,
   'p.yaml:6:1: error ERR_POLICY_SCHEMA: by its indentation `audiences` is not part of `spec`. Align it with the keys there'],
  ['a forgotten colon', `${head}  audiences:\n    gatekeeper:\n      time.idle drop\n      chat-state: drop\n`,
   'p.yaml:8:7: error ERR_POLICY_YAML: this line is no "key: value". Is a colon or a quote missing?'],
  ['an open brace', `${head}  audiences: { gatekeeper: { time.idle: drop }\n`,
   'p.yaml:7:1: error ERR_POLICY_YAML: a closing quote, bracket or brace is missing. Close it'],
  ['an open quote', `${head}  audiences: { gatekeeper: { presence.status: { replace: "x } } }\n`,
   'p.yaml:7:1: error ERR_POLICY_YAML: a closing quote, bracket or brace is missing. Close it'],
  ['a bare asterisk', `${head}  audiences:\n    operator:\n      *: drop\n`,
   'p.yaml:8:10: error ERR_POLICY_YAML: * begins an alias. Put the asterisk in quotes: "*"'],
  ['an unknown audience', `${head}  audiences:\n    gatekeper: { time.idle: drop }\n`,
   'p.yaml:7:5: error ERR_POLICY_SCHEMA: spec.audiences.gatekeper is not known here. Did you mean gatekeeper?'],
  ['an unknown key', `${head}  unlistd: drop\n`,
   'p.yaml:6:3: error ERR_POLICY_SCHEMA: spec.unlistd is not known here. Did you mean unlisted?'],
  ['an unknown word', `${head}  mode: enforced\n`,
   'p.yaml:6:9: error ERR_POLICY_SCHEMA: spec.mode cannot be "enforced". Did you mean enforce?'],
  ['an unknown treatment', `${head}  audiences: { gatekeeper: { time.idle: remove } }\n`,
   'p.yaml:6:41: error ERR_POLICY_SCHEMA time.idle: "remove" is no treatment. One of: keep, delay, equalise, pad, coarsen, lower, pseudonymise, replace, answer, drop, refuse'],
  ['a treatment of another spelling', `${head}  audiences: { gatekeeper: { id.iq: { pseudonymize: { scope: session } } } }\n`,
   'p.yaml:6:39: error ERR_POLICY_SCHEMA id.iq: pseudonymize is no treatment. Did you mean pseudonymise?'],
  ['a treatment without its parameters', `${head}  audiences: { gatekeeper: { id.iq: pseudonymise } }\n`,
   'p.yaml:6:37: error ERR_POLICY_SCHEMA id.iq: pseudonymise needs parameters. Write pseudonymise: { scope: session | account | conversation | gatekeeper, rotate: 30d }'],
  ['a bad duration', `${head}  audiences: { gatekeeper: { time.idle: { coarsen: 1 hour } } }\n`,
   'p.yaml:6:52: error ERR_POLICY_SCHEMA time.idle: coarsen: cannot be "1 hour". Write coarsen: 1h (time), 64KiB (size), major (version), primary (language) or { ipv4: 24, ipv6: 48 }'],
  ['a duration without its unit', `${head}  audiences: { gatekeeper: { receipt.read: { delay: { up-to: 5 } } } }\n`,
   'p.yaml:6:62: error ERR_POLICY_SCHEMA receipt.read: delay: cannot be 5. Write delay: { up-to: 5s }'],
  ['a number without quotes', `${head}  audiences: { gatekeeper: { version.iq: { answer: { name: N, version: 1 } } } }\n`,
   'p.yaml:6:72: error ERR_POLICY_SCHEMA version.iq: answer: cannot be 1. Write answer: { name: "text" } (a number needs quotes)'],
  ['a time after which it is not said', `${head}  audiences: { gatekeeper: { receipt.read: { equalise: { within: 3s } } } }\n`,
   'p.yaml:6:56: error ERR_POLICY_SCHEMA receipt.read: equalise: after is missing. Write equalise: { after: 3s }'],
  ['two treatments', `${head}  audiences: { gatekeeper: { time.idle: { coarsen: 1h, delay: { up-to: 5s } } } }\n`,
   'p.yaml:6:41: error ERR_POLICY_SCHEMA time.idle: 2 treatments for one field. One audience and field has one treatment'],
  ['nothing after the colon', `${head}  audiences:\n    gatekeeper:\n      time.idle:\n`,
   'p.yaml:8:7: error ERR_POLICY_SCHEMA time.idle: has no treatment. Write keep, drop, or another treatment after the colon'],
  ['a list for a mapping', `${head}  audiences:\n    gatekeeper:\n      - time.idle: drop\n`,
   'p.yaml:8:7: error ERR_POLICY_SCHEMA: spec.audiences.gatekeeper is a list. Expected a mapping'],
  ['a field of another spelling', `${head}  audiences: { gatekeeper: { time.idel: drop } }\n`,
   'p.yaml:6:30: error ERR_POLICY_FIELD time.idel: no such field in the catalogue. Did you mean time.idle?'],
  ['a field that cannot be', `${head}  audiences: { gatekeeper: { Time_Idle: drop } }\n`,
   'p.yaml:6:30: error ERR_POLICY_SCHEMA: Time_Idle is no field name: lower case words, joined by dots and hyphens. narthex policy fields lists them'],
  ['no such parent', head.replace('passthrough', 'balancd'),
   'p.yaml:5:12: error ERR_POLICY_EXTENDS: no policy is named balancd. Did you mean balanced?'],
  ['no kind', `apiVersion: narthex/v1\nmetadata: { name: p }\nspec: {}\n`,
   'p.yaml:1:1: error ERR_POLICY_SCHEMA: kind is missing. Expected MetadataPolicy'],
  ['a date of another country', `${head}  exceptions: [{ when: { contact-domain: c.example }, audiences: {}, why: x, approved-by: y, expires: 31.03.2027 }]\n`,
   'p.yaml:6:103: error ERR_POLICY_SCHEMA: spec.exceptions[0].expires cannot be "31.03.2027". A date: 2027-03-31'],
  ['an exception without an end', `${head}  exceptions: [{ when: { contact-domain: c.example }, audiences: {}, why: x, approved-by: y }]\n`,
   'p.yaml:6:16: error ERR_POLICY_SCHEMA: spec.exceptions[0].expires is missing. Expected a text'],
  ['two documents', `${head}---\n${head}`,
   'p.yaml:6:1: error ERR_POLICY_YAML: a second document begins here. One document per file'],
  ['an empty file', '', 'p.yaml:1:1: error ERR_POLICY_SCHEMA: the document is empty. Expected a mapping'],
]; // prettier-ignore

it.each(mistakes)('%s', (_, text, line) => {
  expect(complaints(text).filter((each) => /:\d+: error /.test(each))).toEqual([line]);
});
