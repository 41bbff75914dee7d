/** The tables after the matrix: shadow differences, exceptions, unlisted elements, certificates, ledger and refusals. Each
 *  has an empty state, and lists a bounded number of rows. */
import { html } from 'hono/html';
import { audienceNames } from '../../../policy/schema.ts';
import { CellCounts, rowsOf } from './counts.ts';
import type { AuditView } from './view.ts';
import { countOf, daysTo, minuteOf, numberOf } from './words.ts';

type Html = ReturnType<typeof html>;
type Cell = Html | string | number;

/** Most rows of one table. */
export const tableRowsMax = 100;

interface Table {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  /** Whether it takes the whole width. */
  readonly isWide?: boolean;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** What is said where there are no rows. */
  readonly empty: string;
}

export function renderTables(view: AuditView): Html {
  return html`<div class="tables">
    ${[
      shadowTable,
      exceptionTable,
      unlistedTable,
      certificateTable,
      attestationTable,
      ledgerTable,
      refusalTable,
    ].map((table) => renderTable(table(view)))}
  </div>`;
}

function renderTable({ id, title, note, isWide = false, columns, rows, empty }: Table): Html {
  const more = rows.length - tableRowsMax;
  return html`<div class="block ${isWide ? 'wide' : ''}">
    <h2 id="${id}-title">${title}</h2>
    ${note === undefined ? '' : html`<p class="note">${note}</p>`}
    <div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-title">
      <div id="${id}" data-live>
        ${
          rows.length === 0
            ? html`<p class="empty">${empty}</p>`
            : html`<table>
                <thead>
                  <tr>
                    ${columns.map((column, index) =>
                      typeof rows[0]![index] === 'number'
                        ? html`<th scope="col" class="number">${column}</th>`
                        : html`<th scope="col">${column}</th>`,
                    )}
                  </tr>
                </thead>
                <tbody>
                  ${rows.slice(0, tableRowsMax).map(
                    (cells) =>
                      html`<tr>
                        ${cells.map((cell) => (typeof cell === 'number' ? html`<td class="number"><data value="${cell}">${numberOf(cell)}</data></td>` : html`<td>${cell}</td>`))}
                      </tr>`,
                  )}
                </tbody>
              </table>`
        }
        ${more > 0 ? html`<p class="note">and ${numberOf(more)} more</p>` : ''}
      </div>
    </div>
  </div>`;
}

/** Fields that the shadow treats in another way, with what it has counted. */
function shadowTable(view: AuditView): Table {
  const { shadow, policy } = view.exposure.inForce.find((each) => each.gatekeeper === view.gatekeeper)!;
  const counts = new CellCounts(rowsOf(view).shadow);
  const rows = view.fields.flatMap(({ name, treatments, shadow: others }) =>
    audienceNames.flatMap((audience) => {
      const [now, then] = [treatments[audience], others?.[audience]];
      if (then === undefined || now.words === then.words || now.exposure === 'absent') return [];
      return [
        [html`<code>${name}</code>`, audience, now.words, then.words, counts?.of(audience, name).count ?? 0],
      ];
    }),
  );
  const busiest = rows.toSorted((left, right) => Number(right[4]) - Number(left[4]));
  return {
    id: 'shadow',
    isWide: true,
    title: 'Shadow differences',
    ...(shadow !== null && {
      note: `What ${shadow.name} would do otherwise than ${policy.name}, and how often it has met the field.`,
    }),
    columns: ['field', 'audience', 'now', 'in the shadow', 'decisions'],
    rows: busiest,
    empty:
      shadow === null
        ? 'No policy is in the shadow. policy.shadow in narthex.yaml tries one on real traffic.'
        : 'The shadow treats every field as the policy does.',
  };
}

function exceptionTable({ exceptions, exposure }: AuditView): Table {
  const now = Date.parse(exposure.at);
  const rows = exceptions.map(({ when, audiences, why, approvedBy, expires, expired }): readonly Cell[] => [
    Object.entries(when)
      .map(([condition, value]) => `${condition} ${value}`)
      .join(', '),
    Object.entries(audiences)
      .flatMap(([audience, fields]) =>
        Object.entries(fields).map(([field, words]) => `${audience}: ${field} ${words}`),
      )
      .join('; '),
    why,
    approvedBy,
    expired
      ? html`<span class="state bad">${expires}, has ended</span>`
      : html`${expires}, <span class="muted">${daysTo(Date.parse(expires) + 86_400_000, now)}</span>`,
  ]);
  return {
    id: 'exceptions',
    isWide: true,
    title: 'Exceptions',
    columns: ['when', 'what', 'why', 'approved by', 'last day'],
    rows,
    empty: 'The policy has no exceptions.',
  };
}

function unlistedTable({ exposure, gatekeeper }: AuditView): Table {
  const rows = exposure.rows
    .filter((row) => row.gatekeeper === gatekeeper && row.namespace !== null)
    .toSorted((left, right) => right.sinceStart.count - left.sinceStart.count)
    .map(({ namespace, audience, treatment, mode, sinceStart }): readonly Cell[] => [
      namespace === 'other' ? 'all that are not registered' : html`<code>${namespace}</code>`,
      audience,
      mode === 'enforced' ? treatment : `${treatment}, in the shadow`,
      sinceStart.count,
    ]);
  return {
    id: 'unlisted',
    title: 'Unlisted namespaces',
    note: 'Elements and attributes that the catalogue does not know. Only registered namespaces are named.',
    columns: ['namespace', 'audience', 'treatment', 'decisions'],
    rows,
    empty: 'Everything that was sent is in the catalogue.',
  };
}

/** Days before the end from which a certificate is marked. */
const soonDays = 14;

function certificateTable({ certificates, exposure }: AuditView): Table {
  const now = Date.parse(exposure.at);
  return {
    id: 'certificates',
    title: 'Certificates',
    columns: ['use', 'name', 'valid until', 'state'],
    rows: certificates.map(({ use, name, notAfter }) => {
      const state =
        notAfter <= now
          ? html`<span class="state bad">✕ has expired</span>`
          : notAfter - now < soonDays * 86_400_000
            ? html`<span class="state soon">! ends ${daysTo(notAfter, now)}</span>`
            : html`<span class="state good">✓ ends ${daysTo(notAfter, now)}</span>`;
      return [use, name, minuteOf(notAfter), state];
    }),
    empty: 'No certificate is configured.',
  };
}

function attestationTable({ attestations, signingKey }: AuditView): Table {
  const { since, next } = signingKey ?? {};
  return {
    id: 'attestations',
    title: 'Attestations',
    ...(since !== undefined && {
      note: `Signed with the key in use since ${minuteOf(since)}; ${next === undefined ? 'no later key is there' : `the next begins ${minuteOf(next)}`}.`,
    }),
    columns: ['carrier', 'outcome', 'connections'],
    rows: attestations.map(({ carrier, outcome, count }) => [carrier, outcome, count]),
    empty: 'No connection was attested to this gatekeeper.',
  };
}

function ledgerTable({ exposure: { ledger } }: AuditView): Table {
  return {
    id: 'ledger',
    title: 'Ledger',
    note: 'The last record of this process. Kept elsewhere, it proves that nothing before it was cut off.',
    columns: ['stream', 'record', 'hash', 'state'],
    rows:
      ledger === null
        ? []
        : [
            [
              html`<code>${ledger.stream}</code>`,
              ledger.n,
              html`<code class="hash">${ledger.hash}</code>`,
              ledger.failing === null
                ? html`<span class="state good">✓ written</span>`
                : html`<span class="state bad"
                    >✕ ${ledger.failing.cause} since ${ledger.failing.since}</span
                  >`,
            ],
          ],
    empty: 'No ledger is configured: what is shown here ends with the process.',
  };
}

function refusalTable({ refusals }: AuditView): Table {
  const total = refusals.reduce((sum, { count }) => sum + count, 0);
  return {
    id: 'refusals',
    title: 'Refusals',
    ...(total > 0 && {
      note: `${countOf(total, 'stream or connection', 'streams and connections')} refused or ended with an error, at all gatekeepers.`,
    }),
    columns: ['code', 'cause', 'count'],
    rows: refusals.map(({ code, cause, count }) => [html`<code>${code}</code>`, cause, count]),
    empty: 'Nothing was refused.',
  };
}
