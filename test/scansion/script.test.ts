/** What of a text is a script, and what is refused, with its line. */
import { describe, expect, it } from 'vitest';
import { parseScript, ScriptError } from './script.ts';

const header = '[Client] Romeo\n\tjid: romeo@localhost/orchard\n\tpassword: secret\n';

describe('a script', () => {
  it('has a title, clients, and what they do', () => {
    const script = parseScript(`# A greeting
# in two lines

${header}
[Client] Juliet's phone
\tjid: juliet@localhost
\tpassword: pass: word
\tresource: balcony

-----

// They meet.
Romeo connects
-- Recorded.
Romeo sends:
\t<message to="\${Juliet's JID}">
\t\t# Inside of a stanza too.
\t\t<body>Hi</body>

\t</message>

Juliet's phone receives:
\t<message/>

Juliet's phone receives nothing

Romeo disconnects
`);
    expect(script).toEqual({
      title: 'A greeting',
      clients: [
        { name: 'Romeo', local: 'romeo', domain: 'localhost', password: 'secret', resource: 'orchard' },
        {
          name: "Juliet's phone",
          local: 'juliet',
          domain: 'localhost',
          password: 'pass: word',
          resource: 'balcony',
        },
      ],
      actions: [
        { client: 'Romeo', line: 16, kind: 'connects' },
        {
          client: 'Romeo',
          line: 18,
          kind: 'sends',
          xml: '\t<message to="${Juliet\'s JID}">\n\t\t<body>Hi</body>\n\t</message>',
        },
        { client: "Juliet's phone", line: 25, kind: 'receives', xml: '\t<message/>' },
        { client: "Juliet's phone", line: 28, kind: 'receives nothing' },
        { client: 'Romeo', line: 30, kind: 'disconnects' },
      ],
    });
  });

  it('may have stanzas at the margin, and verbs without a colon', () => {
    const { actions } = parseScript(`${header}---\nRomeo sends\n<presence/>\n`);
    expect(actions).toEqual([{ client: 'Romeo', line: 5, kind: 'sends', xml: '<presence/>' }]);
  });
});

describe('what is no script', () => {
  it.each([
    ['without a line of hyphens', header, 'line 4: no line of hyphens ends the header'],
    ['with another kind of block', `[Server] A\n---`, 'line 1: not of the form [Client] NAME'],
    ['with two clients of one name', `${header}${header}---`, 'line 4: a second client Romeo'],
    [
      'with an unknown property',
      `[Client] A\n\tport: 5222\n---`,
      'line 2: a client has jid, password, resource, as KEY: VALUE',
    ],
    ['without a jid', `[Client] A\n\tpassword: p\n---`, 'line 1: A has no jid: LOCAL@DOMAIN'],
    ['with the jid of a server', `[Client] A\n\tjid: localhost\n---`, 'line 1: A has no jid: LOCAL@DOMAIN'],
    ['without a password', `[Client] A\n\tjid: a@localhost\n---`, 'line 1: A has no password'],
    [
      'with a property of no client',
      `\tjid: a@localhost\n---`,
      'line 1: indented, and no line before it begins a block',
    ],
    [
      'with another verb',
      `${header}---\nRomeo dies`,
      'line 5: not CLIENT connects, disconnects, sends:, receives:, or receives nothing',
    ],
    ['with an unknown client', `${header}---\nTybalt connects`, 'line 5: the header has no client Tybalt'],
    ['with nothing to send', `${header}---\nRomeo sends:\nRomeo connects`, 'line 5: no stanza follows'],
    [
      'with a stanza that is not sent',
      `${header}---\nRomeo connects\n\t<presence/>`,
      'line 5: connects is followed by a stanza',
    ],
  ])('%s', (_, text, problem) => {
    expect(() => parseScript(text)).toThrow(
      new ScriptError(Number(/\d+/.exec(problem)![0]), problem.replace(/^line \d+: /, '')),
    );
  });
});
