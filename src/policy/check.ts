/** What is wrong with a policy before it runs: refusals, each with a remedy, and warnings. */
import type { Treatment } from '../minimisation/treatment.ts';
import type { Audience } from '../stanza/direction.ts';
import { checkAnswers } from './check-answers.ts';
import {
  concerns,
  everyForm,
  formsOf,
  isSealable,
  meetsHttp,
  type Catalogue,
  type Field,
  type FieldSelector,
} from './catalogue.ts';
import { canMeetBoth } from './condition.ts';
import { describeTreatment } from './describe.ts';
import { nearest } from '../documents/nearest.ts';
import { errorAt, type Diagnostic } from './diagnostic.ts';
import type { Obligation } from './obligations.ts';
import { startOf, treatmentOf, type Matrix, type Policy, type PolicyException, type Rule } from './policy.ts';
import type { ProtocolName } from './protocols.ts';
import { overlay } from './resolve.ts';
import { audienceNames, exceptionsMax } from './schema.ts';
import { withoutAccepted } from './checks/accepts.ts';
import { checkObligations } from './checks/obligations.ts';
import { warnOfRefusedPresence } from './checks/online.ts';
import { refuseScope } from './checks/scope.ts';
import { warnOfShownSoftware } from './checks/software.ts';

export interface CheckOptions {
  readonly catalogue: Catalogue;
  readonly obligations: readonly Obligation[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether the proxy that runs it has media servers whose addresses it could seal; undefined when that is unknown. */
  readonly media?: boolean;
  /** What the proxy that runs it can know of a session; undefined when that is unknown. */
  readonly knowable?: Knowable | undefined;
}

/** What conditions can be about. */
export interface Knowable {
  readonly listeners: readonly string[];
  /** Claims that are read from tokens; none where clients do not authenticate to the proxy. */
  readonly claims: readonly string[];
  /** Whether there is a table of regions. */
  readonly regions: boolean;
  /** The protocols of the gatekeepers that the policy is for. */
  readonly protocols: readonly ProtocolName[];
}

/** Audiences that receive stanzas or requests; the operator receives counts. */
const onTheWire: readonly Audience[] = ['gatekeeper', 'client', 'provider'];
/** Warnings about an exception begin this long before its end. */
const expiryWarningMs = 30 * 86_400_000;

/** Returns what is wrong with a policy, in the order of the file: errors, then warnings, then notices. */
export function checkPolicy(policy: Policy, options: CheckOptions): readonly Diagnostic[] {
  const found = [
    ...checkObligations(policy, options.obligations, options.knowable?.protocols),
    ...checkOperator(policy),
    ...checkMatrix(policy, policy.matrix, options),
    ...policy.exceptions.flatMap((exception, index) => checkException(policy, exception, index, options)),
    ...checkNumber(policy),
    ...checkMode(policy),
    ...checkDefaults(policy, options),
    ...checkAnswers(policy, options.catalogue),
    ...warnOfRefusedPresence(policy, options.catalogue),
    ...warnOfShownSoftware(policy),
  ];
  return oneRefusalEach(withoutAccepted(policy, found)).toSorted(
    (a, b) => ranks[a.severity] - ranks[b.severity] || a.line - b.line || a.column - b.column,
  );
}

const ranks: Readonly<Record<Diagnostic['severity'], number>> = { error: 0, warning: 1, notice: 2 };

/** Keeps the first error per rule; later ones are consequences. */
function oneRefusalEach(found: readonly Diagnostic[]): Diagnostic[] {
  const refused = new Set<string>();
  return found.filter(({ severity, file, line, column, field }) => {
    if (severity !== 'error') return true;
    const subject = JSON.stringify([file, line, column, field]);
    const first = !refused.has(subject);
    refused.add(subject);
    return first;
  });
}

/** Rejects more than 32 exceptions: the active set is a 32-bit mask. */
function checkNumber({ exceptions }: Policy): Diagnostic[] {
  const first = exceptions[exceptionsMax];
  if (first === undefined) return [];
  const reason = `${exceptions.length} exceptions, inherited ones included, are more than ${exceptionsMax}`;
  return [errorAt(first.place, 'ERR_POLICY_SCHEMA', reason, { remedy: 'Remove those that have expired' })];
}

/** Warns of shadow mode first: such a policy looks like an enforced one. */
function checkMode({ mode, modePlace, file }: Policy): Diagnostic[] {
  if (mode === 'enforce') return [];
  const reason = 'mode: shadow enforces nothing: everything passes unchanged';
  const remedy = 'Write mode: enforce, or name the policy as policy.shadow of narthex.yaml to try it';
  return [errorAt(modePlace ?? { file, line: 1, column: 1 }, 'WARN_POLICY_SHADOW', reason, { remedy })];
}

function checkMatrix(policy: Policy, matrix: Matrix, options: CheckOptions): Diagnostic[] {
  return audienceNames.flatMap((audience) =>
    [...matrix[audience].values()]
      .filter(({ field }) => field !== '*')
      .flatMap((rule) => checkRule(policy, audience, rule, options)),
  );
}

/** Returns the first error of a rule, or all its warnings. */
function checkRule(policy: Policy, audience: Audience, rule: Rule, options: CheckOptions): Diagnostic[] {
  const { catalogue } = options;
  const field = catalogue.fields.get(rule.field);
  if (field === undefined) {
    const near = nearest(rule.field, [...catalogue.fields.keys()]);
    const remedy = near === undefined ? 'narthex policy fields lists them' : `Did you mean ${near}?`;
    return [refusal(rule, 'ERR_POLICY_FIELD', 'no such field in the catalogue', remedy)];
  }
  const all = formsOf(catalogue, rule.field);
  const shown = all.filter((form) => concerns(form, audience));
  const sure = shown.filter((form) => isSure(form, field, options));
  const refused =
    refuseUnreachable(all, shown, audience, rule) ??
    firstOf(sure, (form) => refuseForm(form, audience, rule)) ??
    (rule.policy === policy.name ? refuseWithoutMedia(field, rule, options) : undefined) ??
    refuseShadowed(policy, shown, audience, rule, catalogue);
  if (refused !== undefined) return [refused];
  // An inherited rule is warned of in its own file.
  if (!onTheWire.includes(audience) || rule.policy !== policy.name) return [];
  const unsure = options.knowable === undefined ? shown.filter((form) => !sure.includes(form)) : [];
  return [
    ...distinct(shown.flatMap((form) => warnings(form, audience, rule))),
    ...unsure.flatMap((form) => warnOfProtocol(form, audience, rule)),
  ];
}

/** Returns whether a policy certainly meets a form. Without a configuration only the protocol that defines the field is
 *  certain. */
function isSure({ protocol }: Field, field: Field, { knowable }: CheckOptions): boolean {
  return knowable?.protocols.includes(protocol) ?? protocol === field.protocol;
}

/** Returns the refusal of what a rule does to a field in one protocol. */
function refuseForm(form: Field, audience: Audience, rule: Rule): Diagnostic | undefined {
  const onWire = onTheWire.includes(audience) ? refuseOnTheWire(form, rule) : undefined;
  return onWire ?? refuseParameters(form, rule) ?? refuseScope(form, rule);
}

function firstOf<T, R>(list: readonly T[], find: (each: T) => R | undefined): R | undefined {
  for (const each of list) {
    const found = find(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Warns of what would be refused for a gatekeeper of a protocol that the policy may never meet. */
function warnOfProtocol(form: Field, audience: Audience, rule: Rule): Diagnostic[] {
  const refused = refuseForm(form, audience, rule);
  if (refused === undefined) return [];
  const { reason, remedy } = refused;
  const about = `with a gatekeeper of protocol ${form.protocol} it would be refused: ${reason}`;
  return [
    errorAt(rule.place, 'WARN_POLICY_PROTOCOL', about, {
      field: rule.field,
      audience,
      ...(remedy !== undefined && { remedy }),
    }),
  ];
}

/** Forms of one field often break the same. */
function distinct(found: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(found.map((each) => [`${each.code} ${each.reason}`, each])).values()];
}

function refusal(
  { place, field }: Rule,
  code: Diagnostic['code'],
  reason: string,
  remedy: string,
): Diagnostic {
  return errorAt(place, code, reason, { field, remedy });
}

function refuseUnreachable(
  forms: readonly Field[],
  shown: readonly Field[],
  audience: Audience,
  rule: Rule,
): Diagnostic | undefined {
  if (shown.length > 0) return undefined;
  const directions = new Set(forms.flatMap((form) => form.directions));
  const reason = `can never match: the ${audience} is not shown this field (it travels ${[...directions].join(' and ')})`;
  return refusal(
    rule,
    'ERR_POLICY_NEVER_MATCHES',
    reason,
    'Remove the rule, or put it under the audience that is shown it',
  );
}

/** Treatments that change a value in place. */
const rewrites: readonly Treatment['kind'][] = ['drop', 'replace', 'pseudonymise', 'coarsen', 'lower'];

function refuseOnTheWire(field: Field, rule: Rule): Diagnostic | undefined {
  const { kind } = rule.treatment;
  if (field.permits.includes(kind)) return undefined;
  if (rewrites.includes(kind) && field.classes.includes('e2ee-bound'))
    return refusal(
      rule,
      'ERR_POLICY_E2EE_BOUND',
      `${kind} changes what is bound inside end-to-end encryption: receivers would fail to decrypt or verify`,
      'Use keep',
    );
  if (kind === 'lower' && field.lower === undefined)
    return refusal(
      rule,
      'ERR_POLICY_TREATMENT',
      'lower is not possible: the catalogue has no lower value for this field',
      `Use ${field.permits.join(', ')}`,
    );
  if (kind === 'drop' && field.classes.includes('settles'))
    return refusal(
      rule,
      'ERR_POLICY_SETTLES',
      'drop withholds what settles a message: no known client leaves it out, and the gatekeeper may send the message again',
      `Use ${field.permits.join(' or ')}`,
    );
  if (kind === 'drop' && field.classes.includes('ack-obligated')) {
    const ways = field.permits.filter((each) => each === 'answer' || each === 'refuse');
    return refusal(
      rule,
      'ERR_POLICY_ANSWER_OWED',
      'drop leaves a request without the answer that it is owed (RFC 6120 §8.2.3)',
      `Use ${ways.length === 0 ? 'keep' : ways.join(' or ')}`,
    );
  }
  if (field.classes.includes('routing'))
    return refusal(
      rule,
      'ERR_POLICY_ROUTING',
      `${kind} changes what delivery depends on (breaks: ${field.breaks})`,
      `Use ${field.permits.join(' or ')}`,
    );
  return refusal(
    rule,
    'ERR_POLICY_TREATMENT',
    `${kind} is not possible for this field`,
    `Use ${field.permits.join(', ')}`,
  );
}

/** Refuses a rule of the policy itself that cannot be enforced without media servers. An inherited rule passes: it
 *  hides what it can. */
function refuseWithoutMedia(field: Field, rule: Rule, { media }: CheckOptions): Diagnostic | undefined {
  if (media !== false || rule.treatment.kind !== 'pseudonymise' || !isSealable(field)) return undefined;
  return refusal(
    rule,
    'ERR_POLICY_MEDIA',
    'hides nothing: no media servers are configured whose addresses could be sealed',
    'Add `provider.media` and `http` to narthex.yaml, or remove the rule',
  );
}

const grainsByValue: Readonly<Partial<Record<Field['value'], readonly [unit: string, example: string]>>> = {
  time: ['time', '1h'],
  seconds: ['time', '1h'],
  bytes: ['bytes', '64KiB'],
  number: ['bytes', '64KiB'],
  address: ['address', '{ ipv4: 24, ipv6: 48 }'],
  version: ['version', 'major'],
  language: ['language', 'primary'],
};

function refuseParameters(field: Field, rule: Rule): Diagnostic | undefined {
  const { treatment } = rule;
  if (treatment.kind === 'coarsen') {
    const [unit, example] = grainsByValue[field.value] ?? ['', ''];
    if (unit === treatment.to.unit) return undefined;
    const reason = `${describeTreatment(treatment)} does not fit a value of type ${field.value}`;
    const remedy = example === '' ? 'Use another treatment' : `Write coarsen: ${example}`;
    return refusal(rule, 'ERR_POLICY_TREATMENT', reason, remedy);
  }
  if (treatment.kind === 'pseudonymise' && meetsHttp(field) && treatment.scope !== 'gatekeeper')
    return refusal(
      rule,
      'ERR_POLICY_TREATMENT',
      `a request has no ${treatment.scope} that a pseudonym could last for`,
      'Write pseudonymise: { scope: gatekeeper }',
    );
  if (treatment.kind !== 'answer') return undefined;
  const { required = [], optional = [] } = field.answer ?? {};
  const missing = required.filter((name) => !Object.hasOwn(treatment.values, name));
  const unknown = Object.keys(treatment.values).filter((name) => ![...required, ...optional].includes(name));
  if (missing.length === 0 && unknown.length === 0) return undefined;
  const reason =
    missing.length > 0
      ? `the answer lacks ${missing.join(', ')}`
      : `the answer cannot hold ${unknown.join(', ')}`;
  return refusal(
    rule,
    'ERR_POLICY_TREATMENT',
    reason,
    `An answer needs ${required.join(', ')}; it may hold ${optional.join(', ') || 'nothing else'}`,
  );
}

/** Refuses a rule for a field that is, in every protocol, inside an element that another rule removes. */
function refuseShadowed(
  policy: Policy,
  forms: readonly Field[],
  audience: Audience,
  rule: Rule,
  catalogue: Catalogue,
): Diagnostic | undefined {
  // What is inherited is the parent's business; only what this file says is answered for.
  if (rule.policy !== policy.name || rule.treatment.kind === 'keep') return undefined;
  const shadows = forms.map((form) => shadowOf(policy, form, audience, catalogue));
  const [first] = shadows;
  if (first === undefined || shadows.includes(undefined)) return undefined;
  return refusal(
    rule,
    'ERR_POLICY_SHADOWED',
    `never has an effect: ${first} takes away the element around it`,
    `Remove this rule, or keep ${first}`,
  );
}

/** Returns the name of a field whose rule removes all elements that a form is in. */
function shadowOf(policy: Policy, form: Field, audience: Audience, catalogue: Catalogue): string | undefined {
  if (form.selectors.length === 0) return undefined;
  return everyForm(catalogue).find(
    (other) =>
      other.name !== form.name &&
      !other.classes.includes('wire') &&
      ['drop', 'refuse'].includes(treatmentOf(policy, audience, other.name).treatment.kind) &&
      form.selectors.every((selector) => other.selectors.some((outer) => takesAway(outer, selector))),
  )?.name;
}

/** Whether dropping `outer` removes everything that `inner` selects: its path ends in `outer`'s, or goes on from it. */
function takesAway(outer: FieldSelector, inner: FieldSelector): boolean {
  if (outer.target.kind !== 'element' && !outer.dropsElement) return false;
  const innerSteps = inner.steps.map(stepKey);
  const outerSteps = outer.steps.map(stepKey);
  const outerKey = outerSteps.join('/');
  const ends = inner.target.kind === 'element' ? innerSteps.length - 1 : innerSteps.length;
  for (let end = outerSteps.length; end <= ends; end += 1)
    if (innerSteps.slice(end - outerSteps.length, end).join('/') === outerKey) return true;
  return false;
}

function stepKey({ namespace, local, conditions }: FieldSelector['steps'][number]): string {
  return `{${namespace}}${local}${JSON.stringify(conditions)}`;
}

/** Returns the warnings that the author of this rule should read. */
function warnings(field: Field, audience: Audience, { place, treatment }: Rule): Diagnostic[] {
  const { kind } = treatment;
  const warn = (code: Diagnostic['code'], reason: string): Diagnostic =>
    errorAt(place, code, reason, { field: field.name, audience });
  const found: Diagnostic[] = [];
  if (kind === 'keep') {
    if (field.classes.includes('bypass-hint'))
      found.push(warn('WARN_POLICY_BYPASS', `keep lets the client around the proxy (${field.reveals})`));
    return found;
  }
  const harmless =
    kind === 'delay' || kind === 'equalise' || kind === 'pad' || field.breaks.startsWith('nothing');
  if (!harmless) found.push(warn('WARN_POLICY_BREAKS', `${kind} breaks: ${field.breaks}`));
  if (field.classes.includes('reciprocal') && kind !== 'delay' && kind !== 'equalise')
    found.push(warn('WARN_POLICY_RECIPROCAL', 'reciprocal: services show it only to those who show theirs'));
  if (field.classes.includes('caps-hash-input'))
    found.push(
      warn(
        'WARN_POLICY_CAPS_HASH',
        'the capability hash no longer fits; a capability profile changes both together',
      ),
    );
  return found;
}

function checkException(
  policy: Policy,
  exception: PolicyException,
  index: number,
  options: CheckOptions,
): Diagnostic[] {
  const found: Diagnostic[] = [];
  const { expiresAt, place } = exception;
  const day = new Date(expiresAt - 86_400_000).toISOString().slice(0, 10);
  if (options.now >= expiresAt)
    found.push(
      errorAt(place, 'WARN_POLICY_EXPIRY', `the exception expired after ${day} and no longer applies`, {
        remedy: 'Remove or renew it',
      }),
    );
  else if (options.now >= expiresAt - expiryWarningMs)
    found.push(
      errorAt(place, 'WARN_POLICY_EXPIRY', `the exception expires after ${day}`, {
        remedy: 'Renew it in time',
      }),
    );
  for (const audience of audienceNames) {
    for (const rule of exception.matrix[audience].values()) {
      if (options.catalogue.fields.get(rule.field)?.where === 'http')
        found.push(
          refusal(
            rule,
            'ERR_POLICY_NEVER_MATCHES',
            'exceptions apply to stanzas, and HTTP carries this field',
            'Say it under audiences, for all sessions',
          ),
        );
      const usual = treatmentOf(policy, audience, rule.field).treatment;
      if (describeTreatment(usual) === describeTreatment(rule.treatment))
        found.push(
          refusal(rule, 'ERR_POLICY_SHADOWED', 'the exception says what holds without it', 'Remove the rule'),
        );
      const rival = policy.exceptions
        .slice(0, index)
        .map((other) => (together(other, exception) ? other.matrix[audience].get(rule.field) : undefined))
        .find(
          (other) =>
            other !== undefined && describeTreatment(other.treatment) !== describeTreatment(rule.treatment),
        );
      if (rival !== undefined)
        found.push(
          refusal(
            rule,
            'ERR_POLICY_CONFLICT',
            `the exception in line ${rival.place.line} says otherwise and can apply at the same time`,
            'Make their conditions exclude each other',
          ),
        );
    }
  }
  found.push(...checkKnowable(exception, options));
  const applied = { ...policy, matrix: overlay(policy.matrix, exception.matrix) };
  found.push(...checkMatrix(applied, exception.matrix, options));
  return found;
}

/** Returns the errors of conditions on what is never known: they would never hold, or always be in doubt. */
function checkKnowable({ when, place }: PolicyException, { knowable }: CheckOptions): Diagnostic[] {
  if (knowable === undefined) return [];
  const { listeners, claims, regions } = knowable;
  const found: Diagnostic[] = [];
  const refuse = (reason: string, remedy: string): void =>
    void found.push(errorAt(place, 'ERR_POLICY_CONDITION', reason, { remedy }));
  if (when.listener !== undefined && !listeners.includes(when.listener)) {
    const near = nearest(when.listener, listeners);
    refuse(
      `there is no listener ${when.listener}`,
      near === undefined ? `Listeners: ${listeners.join(', ')}` : `Did you mean ${near}?`,
    );
  }
  for (const name of Object.keys(when.identity ?? {}))
    if (!claims.includes(name))
      refuse(
        `the claim ${name} is never known`,
        "Set the gatekeeper's `channelBinding: reauthenticate` and list the claim in `provider.claims.allowed`",
      );
  if (when.region !== undefined && !regions)
    refuse(
      'the region of an address is never known',
      'Name a table with `regions.geofeedFile` in narthex.yaml',
    );
  return found;
}

/** Whether some stanza could meet both conditions. */
function together({ when: a }: PolicyException, { when: b }: PolicyException): boolean {
  return canMeetBoth(a, b);
}

/** Returns an error for each rule that would show the operator a value: logs, metrics, traces and the ledger hold names
 *  and counts, whatever a policy says. */
function checkOperator({ matrix, exceptions }: Policy): Diagnostic[] {
  return [matrix, ...exceptions.map((exception) => exception.matrix)].flatMap(({ operator }) =>
    [...operator.values()]
      .filter(({ treatment }) => treatment.kind !== 'drop')
      .map((rule) =>
        refusal(
          rule,
          'ERR_POLICY_TREATMENT',
          `${rule.treatment.kind} is not possible: the operator is shown names and counts, never a value`,
          'Use drop',
        ),
      ),
  );
}

/** Fields that are not named: `*` may not do to them what it could not do by name, and `unlisted` decides the rest. */
function checkDefaults(policy: Policy, options: CheckOptions): Diagnostic[] {
  const { catalogue } = options;
  const sure = everyForm(catalogue).filter((form) => isSure(form, catalogue.fields.get(form.name)!, options));
  return onTheWire.flatMap((audience) => {
    const rules = policy.matrix[audience];
    const unnamed = sure.filter(
      (field) =>
        concerns(field, audience) &&
        (field.where !== 'http' || audience === 'provider') &&
        !rules.has(field.name),
    );
    const rule = rules.get('*');
    const { treatment } = treatmentOf(policy, audience, '*');
    const impossible = namesOf(unnamed.filter(({ permits }) => !permits.includes(treatment.kind)));
    const place = rule?.place ?? startOf(policy);
    const by = rule === undefined ? `unlisted: ${policy.unlisted}` : `"*": ${describeTreatment(treatment)}`;
    const found: Diagnostic[] = [];
    if (impossible.length > 0)
      found.push(
        errorAt(
          place,
          'ERR_POLICY_TREATMENT',
          `${by} is not possible for ${several(impossible)}, which the ${audience} is shown`,
          {
            remedy: 'Name them, or use "*": keep',
          },
        ),
      );
    if (rule === undefined && unnamed.length > 0 && impossible.length === 0)
      found.push(
        errorAt(
          place,
          'WARN_POLICY_UNLISTED',
          `${several(namesOf(unnamed))} of the ${audience} are left to ${by}`,
          { audience, remedy: 'Name them, or "*"' },
        ),
      );
    return found;
  });
}

function namesOf(forms: readonly Field[]): string[] {
  return [...new Set(forms.map(({ name }) => name))];
}

function several(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} other fields` : shown;
}
