/** The exposure matrix as a heat map: one row for each field, one column for each audience. */
import { html } from 'hono/html';
import { audienceNames } from '../../../policy/schema.ts';
import type { Audience } from '../../../stanza/direction.ts';
import { CellCounts, rowsOf, type CellCount } from './counts.ts';
import type { AuditField, AuditTreatment, AuditView, Exposure } from './view.ts';
import { shownOf } from './in-force.ts';
import { numberOf, sessionsOf, sizeOf } from './words.ts';

type Html = ReturnType<typeof html>;

export const glyphs: Readonly<Record<Exposure, string>> = {
  shown: '●',
  reduced: '◐',
  withheld: '○',
  absent: '·',
};

export function renderMatrix(view: AuditView): Html {
  const counts = new CellCounts(rowsOf(view).inForce);
  const groups = Map.groupBy(view.fields, ({ category }) => category);
  return html`<div class="block">
    <h2 id="matrix-title">Fields and audiences</h2>
    <p class="note">
      How each field may appear to each audience, and how often it has since the start. The more often, the
      stronger the colour.
    </p>
    ${legend()}
    <div class="tools" id="tools" hidden>
      <label for="filter">Filter fields</label>
      <input
        id="filter"
        type="search"
        autocomplete="off"
        spellcheck="false"
        placeholder="name, category or what it reveals"
      />
      <label class="check"><input id="occurred" type="checkbox" /> only those that occurred</label>
      <span id="matches" role="status">${numberOf(view.fields.length)} fields</span>
    </div>
    <div class="scroll tall" tabindex="0" role="region" aria-labelledby="matrix-title">
      <table class="matrix">
        <caption class="quiet">
          Fields by category, with their form and count for each audience
        </caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            ${audienceNames.map((audience) => html`<th scope="col">${audience}</th>`)}
          </tr>
        </thead>
        ${[...groups].map(([category, fields]) => renderGroup(category, fields, counts, view))}
      </table>
    </div>
  </div>`;
}

function renderGroup(
  category: string,
  fields: readonly AuditField[],
  counts: CellCounts,
  view: AuditView,
): Html {
  return html`<tbody>
    <tr class="group">
      <th scope="rowgroup" colspan="5">
        ${category.replaceAll('-', ' ')} <span class="muted">${fields.length}</span>
      </th>
    </tr>
    ${fields.map((field) => renderRow(field, counts, view))}
  </tbody>`;
}

function renderRow(field: AuditField, counts: CellCounts, view: AuditView): Html {
  const { name, title, category, reveals } = field;
  return html`<tr class="field" data-words="${`${name} ${title} ${category} ${reveals}`.toLowerCase()}">
    <th scope="row"><code>${name}</code><span class="title">${title}</span></th>
    ${audienceNames.map((audience) => renderCell(field, audience, counts.of(audience, name), view))}
  </tr>`;
}

function renderCell(
  { name, treatments }: AuditField,
  audience: Audience,
  cell: CellCount,
  view: AuditView,
): Html {
  const treatment = treatments[audience];
  const { kind, exposure } = treatment;
  const shown = shownOf(view, audience, treatment);
  if (shown === 'absent' && cell.count === 0) return absent;
  const others = cell.treatments.filter(([other]) => other !== kind);
  return html`<td id="cell.${name}.${audience}" data-live class="${shown} heat-${heatOf(cell.count)}">
    <span class="form"
      ><span class="glyph" aria-hidden="true">${glyphs[shown]}</span>
      ${shown === exposure ? treatment.words : unenforced(treatment)}</span
    >${cell.count === 0 ? html`<span class="quiet">, not yet</span>` : renderCount(cell)}
    ${others.map(
      ([other, count]) => html`<span class="more">of these ${other} <b>${numberOf(count)}</b></span>`,
    )}
  </td>`;
}

const absent = html`<td class="absent">
  <span aria-hidden="true">·</span><span class="quiet">does not reach it</span>
</td>`;

function unenforced({ kind, words }: AuditTreatment): string {
  return kind === 'keep' ? words : `keep, not: ${words}`;
}

function renderCount({ count, bytes, sessionsAtLeast, sessionsAtMost }: CellCount): Html {
  const more = [
    ...(bytes === 0 ? [] : [sizeOf(bytes)]),
    ...(sessionsAtMost === 0 ? [] : [sessionsOf(sessionsAtLeast, sessionsAtMost)]),
  ];
  return html`<span class="quiet">, </span><data class="count" value="${count}">${numberOf(count)}</data
    ><span class="quiet"> decisions</span
    >${more.length === 0 ? '' : html`<span class="more">${more.join(' · ')}</span>`}`;
}

/** Returns the step of the colour: one for each power of ten. */
export function heatOf(count: number): number {
  return count === 0 ? 0 : Math.min(5, 1 + Math.floor(Math.log10(count)));
}

function legend(): Html {
  const forms: readonly (readonly [Exposure, string])[] = [
    ['shown', 'in full'],
    ['reduced', 'reduced or replaced'],
    ['withheld', 'withheld'],
    ['absent', 'does not reach it'],
  ];
  const steps = ['1', '10', '100', '1,000', '10,000'];
  return html`<div class="legend">
    <ul aria-label="Forms">
      ${forms.map(([exposure, words]) => html`<li><span class="glyph ${exposure}" aria-hidden="true">${glyphs[exposure]}</span> ${words}</li>`)}
    </ul>
    <ul class="steps" aria-label="Colour by number of decisions">
      ${steps.map((step, index) => html`<li class="shown heat-${index + 1}">${step}+</li>`)}
    </ul>
  </div>`;
}
