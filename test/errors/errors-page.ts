/** ERRORS.md, written from the tables of codes. To regenerate: `node test/errors/errors-page.ts > ERRORS.md`. */
import { dialCauses } from '../../src/errors/causes.ts';
import { errorSections } from '../../src/errors/table.ts';
import type { ErrorRow } from '../../src/errors/row.ts';
import { type ExitName, exitCodes, exitMeanings } from '../../src/errors/exit.ts';

const opening = `# Errors

Every failure has a code. The code is stable and for programs; the sentence with it is for people and may change.
Nothing in either comes from the wire. A test compares this page with the code. The codes with which gatekeepers refuse
attestations are in [docs/connection-signals.md](docs/connection-signals.md#verification).

## Exit codes

Those of \`sysexits.h\` where they fit. \`narthex --help\` prints the same table.
`;

/** A column stands where a row of the section has something to say in it. */
const columns: readonly { readonly title: string; readonly of: (row: ErrorRow) => string }[] = [
  { title: 'what happened', of: ({ cause }) => cause },
  { title: 'remedy', of: ({ remedy }) => remedy },
  { title: 'status', of: ({ status }) => (status === undefined ? '' : String(status)) },
  { title: 'condition', of: ({ conditions = [] }) => conditions.map((name) => `\`${name}\``).join(', ') },
];

/** The page; prettier aligns its tables. */
export function errorsPage(): string {
  const exits = Object.entries(exitCodes).map(([name, code]) => [
    String(code),
    exitMeanings[name as ExitName],
  ]);
  const sections = errorSections.map(({ title, seen, codes }) => {
    const shown = columns.filter(({ of }) => Object.values(codes).some((row) => of(row) !== ''));
    const rows = Object.entries(codes).map(([code, row]) => [
      `\`${code}\``,
      ...shown.map(({ of }) => of(row)),
    ]);
    return [
      `## ${title}`,
      '',
      `Seen ${seen}.`,
      '',
      ...table(['code', ...shown.map(({ title }) => title)], rows),
      '',
    ].join('\n');
  });
  return [opening, ...table(['exit', 'meaning'], exits), '', ...sections, causes()].join('\n');
}

/** What the log, the metric and `check --connect` say with a code of a gatekeeper. */
function causes(): string {
  const rows = Object.entries(dialCauses).map(([name, { cause, remedy, text }]) => [
    `\`${name}\``,
    cause,
    remedy,
    text,
  ]);
  return [
    '## Causes of a failed dial',
    '',
    'Each failure to connect to a gatekeeper has one of these causes. Seen as `cause` in the log (`gatekeeper.unreachable`,',
    '`session.refused`), in `narthex_dial_failures_total` and in spans, and in the output of `narthex check --connect`.',
    'Clients are sent the text with the stream error.',
    '',
    ...table(['cause', 'what happened', 'remedy', 'text for clients'], rows),
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`);
}

if (import.meta.main) process.stdout.write(errorsPage());
