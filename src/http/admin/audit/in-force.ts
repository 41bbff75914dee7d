/** What is in force for the gatekeeper of the page, and what has to be seen first. */
import { html } from 'hono/html';
import { audienceNames } from '../../../policy/schema.ts';
import type { Audience } from '../../../stanza/direction.ts';
import type { ExposureDocument } from '../exposure.ts';
import { rowsOf } from './counts.ts';
import type { AuditTreatment, AuditView, Exposure } from './view.ts';
import { countOf, minuteOf, numberOf, shortDigest } from './words.ts';

type Html = ReturnType<typeof html>;

type InForce = ExposureDocument['inForce'][number];

function inForceOf({ exposure, gatekeeper }: AuditView): InForce {
  return exposure.inForce.find((each) => each.gatekeeper === gatekeeper)!;
}

/** Returns whether the policy for the gatekeeper of the page is not enforced. */
export function isShadow(view: AuditView): boolean {
  return inForceOf(view).policy.mode === 'shadow';
}

/** Returns how much of a field an audience is shown. Under a policy that is not enforced everything passes unchanged,
 *  but logs and metrics have names and counts under every policy. */
export function shownOf(view: AuditView, audience: Audience, { exposure }: AuditTreatment): Exposure {
  return isShadow(view) && audience !== 'operator' && exposure !== 'absent' ? 'shown' : exposure;
}

/** Alarms: sentences that must not be overlooked. */
export function renderAlarms(view: AuditView): Html {
  const { state, share } = inForceOf(view);
  const { ledger } = view.exposure;
  const alarms: readonly (readonly [string, string])[] = [
    ...(isShadow(view)
      ? ([
          ['Shadow', 'This policy is not enforced. Every field passes unchanged, whatever the rules say.'],
        ] as const)
      : []),
    ...share
      .filter(({ mode }) => mode === 'shadow')
      .map(
        ({ name, percent }) =>
          ['Shadow', `${name}, for ${percent} % of the accounts, is not enforced.`] as const,
      ),
    ...(state === 'rejected'
      ? ([
          ['Rejected', 'Newer files of the policy have errors. What is shown here is still in force.'],
        ] as const)
      : []),
    ...(ledger?.failing == null
      ? []
      : ([
          ['Ledger', `It cannot be written since ${ledger.failing.since} (${ledger.failing.cause}).`],
        ] as const)),
  ];
  return html`<div id="alarms" data-live>
    ${alarms.map(([word, text]) => html`<p class="alarm"><strong>${word}</strong> ${text}</p>`)}
  </div>`;
}

/** The policy with its digest and mode, and figures of the gatekeeper. */
export function renderFacts(view: AuditView): Html {
  const { policy, policyDigest, catalogueDigest, profilesDigest, shadow, share } = inForceOf(view);
  const { build, interval, startedAt } = view.exposure;
  const own = rowsOf(view).inForce;
  const decisions = own.reduce((sum, { sinceStart }) => sum + sinceStart.count, 0);
  const recent = own.reduce((sum, each) => sum + each.interval.count, 0);
  return html`<section aria-labelledby="policy-title" class="facts">
    <h2 id="policy-title" class="quiet">In force</h2>
    <div id="facts" data-live>
      <div class="policy">
        <span class="eyebrow">Policy</span>
        <p class="name">${policy.name} ${chip(policy.mode)}</p>
        <p class="note">
          ${share.map(({ name, percent }) => `${percent} % of the accounts: ${name}. `)}${shadow === null ? 'No shadow.' : html`In its shadow: <b>${shadow.name}</b>.`}
        </p>
      </div>
      <dl>
        ${digest('policy', policyDigest)} ${digest('catalogue', catalogueDigest)}
        ${profilesDigest === null ? '' : digest('profiles', profilesDigest)}
        ${digest(`build ${build.version}`, build.digest)}
      </dl>
      <dl class="figures">
        <div>
          <dt>sessions now</dt>
          <dd><data id="sessions" value="${view.sessions}">${numberOf(view.sessions)}</data></dd>
        </div>
        <div>
          <dt>decisions since ${minuteOf(Date.parse(startedAt))}</dt>
          <dd><data id="decisions" value="${decisions}">${numberOf(decisions)}</data></dd>
        </div>
        <div>
          <dt>since ${interval.from.slice(11, 19)} UTC</dt>
          <dd><data id="recent" value="${recent}">${numberOf(recent)}</data></dd>
        </div>
      </dl>
    </div>
  </section>`;
}

function chip(mode: InForce['policy']['mode']): Html {
  return mode === 'enforce'
    ? html`<span class="chip enforced">enforced</span>`
    : html`<span class="chip shadowed">SHADOW: not enforced</span>`;
}

function digest(name: string, value: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd><code title="${value}">${shortDigest(value)}</code></dd>
  </div>`;
}

const parties: Readonly<Record<Audience, string>> = {
  gatekeeper: 'The servers on the other side',
  client: "Your users' devices",
  provider: 'Your own servers',
  operator: 'Logs and metrics of this proxy',
};

/** For each audience how many fields it is shown, as a bar with its numbers. */
export function renderAudiences(view: AuditView): Html {
  return html`<section aria-labelledby="audiences-title">
    <h2 id="audiences-title" class="quiet">Fields by audience</h2>
    <div id="audiences" class="cards" data-live>${audienceNames.map((audience) => card(view, audience))}</div>
  </section>`;
}

function card(view: AuditView, audience: Audience): Html {
  const numbers: Record<Exposure, number> = { shown: 0, reduced: 0, withheld: 0, absent: 0 };
  for (const { treatments } of view.fields) numbers[shownOf(view, audience, treatments[audience])] += 1;
  const { shown, reduced, withheld } = numbers;
  const total = view.fields.length - numbers.absent;
  return html`<article class="card">
    <h3>${audience}</h3>
    <p class="note">${parties[audience]}</p>
    <p class="big"><b>${shown}</b> of ${countOf(total, 'field')} in full</p>
    <svg viewBox="0 0 ${Math.max(1, total)} 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="shown" x="0" width="${shown}" height="10" />
      <rect class="reduced" x="${shown}" width="${reduced}" height="10" />
      <rect class="withheld" x="${shown + reduced}" width="${withheld}" height="10" />
    </svg>
    <p class="key">
      <span><span class="glyph shown" aria-hidden="true">●</span> ${shown} in full</span>
      <span><span class="glyph reduced" aria-hidden="true">◐</span> ${reduced} reduced</span>
      <span><span class="glyph withheld" aria-hidden="true">○</span> ${withheld} withheld</span>
    </p>
  </article>`;
}
