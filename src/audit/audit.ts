/** Counts what clients show, as received and as forwarded under each policy, and computes the figures. */
import type { Catalogue, Field } from '../policy/catalogue.ts';
import { describeTreatment } from '../policy/describe.ts';
import { treatmentOf, type Policy } from '../policy/policy.ts';
import { audienceOf, directions, type Audience, type Direction } from '../stanza/direction.ts';
import type { Names } from '../stanza/names.ts';
import type { Treatment } from '../minimisation/treatment.ts';
import { ClientViews, defaultViewLimits, type ViewLimits } from './client-views.ts';
import { DistinctSketch } from './distinct-sketch.ts';
import type { Estimate } from './entropy.ts';
import { figuresOf, type Figures } from './figures.ts';
import { FieldValues, unlistedField, type SeenStanza } from './field-values.ts';
import { frequenciesOfDigests, type Frequencies } from './frequencies.ts';
import { combined, hashFrom, hashOf, highOf, lowOf } from './value-hash.ts';
import { identifierForm, timeForm } from './value-form.ts';

/** A policy with the digest of its files. */
export interface AuditedPolicy {
  readonly policy: Policy;
  readonly digest: string;
}

/** The session of a stanza, as the recording knows it. */
export interface AuditedSession {
  /** Number in the recording, from 0. */
  readonly number: number;
  /** Bare JID, or its token; '' when it is not known. */
  readonly account: string;
}

export interface AuditOptions {
  readonly catalogue: Catalogue;
  /** The vocabulary of all stanzas. */
  readonly names: Names;
  /** One or two. */
  readonly policies: readonly AuditedPolicy[];
  readonly limits?: ViewLimits;
}

/** The values of a field, or only their form: length, alphabet and separators of identifiers, precision of times. */
export type Aspect = 'value' | 'form';

/** What an audience is shown of one field. */
export interface Showing {
  /** Values that were shown, of all clients. */
  readonly occurrences: number;
  /** Different values, of all clients. */
  readonly distinct: Estimate;
  /** How the policy treats the field; undefined as received. */
  readonly treatment: string | undefined;
  readonly figures: Figures;
}

export interface FieldRow {
  readonly field: string;
  readonly category: string;
  readonly aspect: Aspect;
  /** As received, and as forwarded under each policy. */
  readonly showings: readonly Showing[];
}

/** What all fields of a group show together. */
export interface GroupRow {
  readonly group: string;
  readonly figures: readonly Figures[];
}

export interface AudienceFigures {
  readonly audience: Audience;
  /** Clients that sent (gatekeeper) or received (client) a stanza, in the sample. */
  readonly clients: number;
  readonly fields: readonly FieldRow[];
  readonly groups: readonly GroupRow[];
}

export interface AuditFigures {
  readonly clientsSampledOneIn: number;
  readonly closedViews: number;
  readonly stanzas: number;
  readonly withheld: readonly number[];
  readonly audiences: readonly AudienceFigures[];
}

/** Values of which the form is counted too. */
const formed = new Set<Field['value']>(['identifier', 'uuid', 'resource', 'time']);

export const allFields = 'all fields';
export const softwareGroup = 'software and device';

interface ReadField {
  readonly name: string;
  readonly category: string;
  readonly value: Field['value'] | undefined;
}

export class Audit {
  readonly #values: Readonly<Record<Direction, FieldValues>>;
  readonly #fields: Readonly<Record<Direction, readonly ReadField[]>>;
  readonly #policies: readonly AuditedPolicy[];
  readonly #views: ClientViews;
  readonly #stages: number;
  /** Cells of one stage and direction. */
  readonly #stride: number;
  readonly #occurrences: Float64Array;
  readonly #distinct: (DistinctSketch | undefined)[] = [];
  readonly #withheld: number[];
  #stanzas = 0;

  constructor({ catalogue, names, policies, limits = defaultViewLimits }: AuditOptions) {
    const readers = (direction: Direction): FieldValues => new FieldValues(catalogue, names, direction);
    this.#values = { 'to-gatekeeper': readers('to-gatekeeper'), 'to-client': readers('to-client') };
    const fieldsOf = (direction: Direction): ReadField[] =>
      this.#values[direction].fields.map((name) => {
        const field = catalogue.fields.get(name);
        return { name, category: field?.category ?? unlistedField, value: field?.value };
      });
    this.#fields = { 'to-gatekeeper': fieldsOf('to-gatekeeper'), 'to-client': fieldsOf('to-client') };
    this.#policies = policies;
    this.#views = new ClientViews(limits);
    this.#stages = 1 + policies.length;
    // The last cell of a stage and direction notes that the client is there.
    this.#stride = 2 * Math.max(...directions.map((each) => this.#fields[each].length)) + 1;
    this.#occurrences = new Float64Array(this.#stages * directions.length * this.#stride);
    this.#withheld = policies.map(() => 0);
  }

  /** Number of stanzas and nonzas so far. */
  get stanzas(): number {
    return this.#stanzas;
  }

  /** Adds a stanza as it was received. */
  received(session: AuditedSession, direction: Direction, seen: SeenStanza): void {
    this.#stanzas += 1;
    this.#views.add(session.number, this.#cellOf(0, direction, this.#stride - 1), 1);
    this.#add(0, session, direction, seen);
  }

  /** Adds the same stanza as it was forwarded under a policy.
   *  @param index of the policy
   *  @param seen undefined when it was not sent on */
  forwarded(
    index: number,
    session: AuditedSession,
    direction: Direction,
    seen: SeenStanza | undefined,
  ): void {
    if (seen === undefined) this.#withheld[index]! += 1;
    else this.#add(1 + index, session, direction, seen);
  }

  #add(stage: number, { number, account }: AuditedSession, direction: Direction, seen: SeenStanza): void {
    const fields = this.#fields[direction];
    this.#values[direction].read(seen, account, (field, value) => {
      const cell = this.#cellOf(stage, direction, 2 * field);
      const hash = hashOf(value);
      this.#note(number, cell, hash);
      const kind = fields[field]!.value;
      if (kind !== undefined && formed.has(kind))
        this.#note(number, cell + 1, hashOf(kind === 'time' ? timeForm(value) : identifierForm(value)));
    });
  }

  #note(client: number, cell: number, hash: number): void {
    this.#occurrences[cell]! += 1;
    (this.#distinct[cell] ??= new DistinctSketch()).add(hash);
    this.#views.add(client, cell, hash);
  }

  #cellOf(stage: number, direction: Direction, within: number): number {
    return (stage * directions.length + directions.indexOf(direction)) * this.#stride + within;
  }

  /** Returns all figures. */
  figures(): AuditFigures {
    const digests = this.#digestsByCell();
    return {
      clientsSampledOneIn: this.#views.oneIn,
      closedViews: this.#views.closedViews,
      stanzas: this.#stanzas,
      withheld: this.#withheld,
      audiences: directions.map((direction) => this.#audience(direction, digests)),
    };
  }

  #audience(direction: Direction, digests: readonly (Float64Array | undefined)[]): AudienceFigures {
    const clients = digests[this.#cellOf(0, direction, this.#stride - 1)]?.length ?? 0;
    const fields = this.#fields[direction].flatMap((field, index) =>
      (['value', 'form'] as const).flatMap((aspect) => {
        const within = 2 * index + Number(aspect === 'form');
        const cells = Array.from({ length: this.#stages }, (_, stage) =>
          this.#cellOf(stage, direction, within),
        );
        if (cells.every((cell) => this.#occurrences[cell] === 0)) return [];
        const showings = cells.map((cell, stage) =>
          this.#showing({ cell, stage, direction, field: field.name }, digests[cell], clients),
        );
        return [{ field: field.name, category: field.category, aspect, showings }];
      }),
    );
    return { audience: audienceOf(direction), clients, fields, groups: this.#groups(direction, clients) };
  }

  #showing(
    at: {
      readonly cell: number;
      readonly stage: number;
      readonly direction: Direction;
      readonly field: string;
    },
    digests: Float64Array | undefined,
    clients: number,
  ): Showing {
    const treatment = this.#treatmentOf(at.stage, at.direction, at.field);
    return {
      occurrences: this.#occurrences[at.cell]!,
      distinct: this.#distinct[at.cell]?.count() ?? { value: 0, interval: { low: 0, high: 0 } },
      treatment: treatment === undefined ? undefined : describeTreatment(treatment),
      figures: figuresOf(viewsOf(digests, clients)),
    };
  }

  /** Returns how the policy of a stage treats a field; undefined as received, and for unlisted elements. */
  #treatmentOf(stage: number, direction: Direction, field: string): Treatment | undefined {
    const audited = stage === 0 ? undefined : this.#policies[stage - 1];
    if (audited === undefined || field === unlistedField) return undefined;
    return treatmentOf(audited.policy, audienceOf(direction), field).treatment;
  }

  /** Returns the digests of views by cell, sorted, so that equal ones are neighbours. */
  #digestsByCell(): readonly (Float64Array | undefined)[] {
    const counts = new Uint32Array(this.#occurrences.length);
    for (const { cell } of this.#views) counts[cell]! += 1;
    const digests: (Float64Array | undefined)[] = Array.from(counts, (count) =>
      count === 0 ? undefined : new Float64Array(count),
    );
    const hidden = this.#hiddenCells();
    for (const { cell, digest, values } of this.#views) {
      counts[cell]! -= 1;
      digests[cell]![counts[cell]!] = hidden[cell] === 1 ? values : digest;
    }
    for (const each of digests) each?.sort();
    return digests;
  }

  /** Returns 1 for each cell whose values are pseudonyms of a session, account or conversation. Their characters are
   *  those of a key that differs for each client, so only how many there are is compared. */
  #hiddenCells(): Uint8Array {
    const hidden = new Uint8Array(this.#occurrences.length);
    for (let stage = 1; stage < this.#stages; stage += 1)
      for (const direction of directions)
        this.#fields[direction].forEach(({ name }, index) => {
          const treatment = this.#treatmentOf(stage, direction, name);
          if (treatment?.kind === 'pseudonymise' && treatment.scope !== 'gatekeeper')
            hidden[this.#cellOf(stage, direction, 2 * index)] = 1;
        });
    return hidden;
  }

  /** Returns what the fields of each group show together. */
  #groups(direction: Direction, clients: number): GroupRow[] {
    const fields = this.#fields[direction];
    const categories = [...new Set(fields.map(({ category }) => category))].toSorted();
    const names = [allFields, softwareGroup, ...categories.filter((each) => each !== 'device')];
    const byStage = Array.from({ length: this.#stages }, (_, stage) =>
      this.#jointFrequencies(stage, direction, names, clients),
    );
    return names.map((group, index) => ({
      group,
      figures: byStage.map((frequencies) => figuresOf(frequencies[index]!)),
    }));
  }

  #jointFrequencies(
    stage: number,
    direction: Direction,
    groups: readonly string[],
    clients: number,
  ): Frequencies[] {
    const fields = this.#fields[direction];
    const membership = fields.map(({ category, value }) => groupsOf(groups, category, value));
    const first = this.#cellOf(stage, direction, 0);
    const present = this.#cellOf(0, direction, this.#stride - 1);
    const hidden = this.#hiddenCells();
    const places = new Map<number, number>();
    for (const { client, cell } of this.#views) if (cell === present) places.set(client, places.size);
    const high = groups.map(() => new Int32Array(clients));
    const low = groups.map(() => new Int32Array(clients));
    for (const { client, cell, digest, values } of this.#views) {
      const within = cell - first;
      if (within < 0 || within >= this.#stride - 1) continue;
      const place = places.get(client);
      if (place === undefined) continue;
      const shown = combined(hidden[cell] === 1 ? values : digest, within + 1);
      const { value, form } = membership[within >> 1]!;
      for (const group of within % 2 === 0 ? value : form) {
        high[group]![place]! ^= highOf(shown);
        low[group]![place]! ^= lowOf(shown);
      }
    }
    return groups.map((_, group) => {
      const joint = new Float64Array(clients);
      for (let i = 0; i < clients; i += 1) joint[i] = hashFrom(high[group]![i]!, low[group]![i]!);
      return frequenciesOfDigests(joint.sort());
    });
  }
}

/** Returns the groups that the values and the forms of a field belong to, as indexes. */
function groupsOf(
  groups: readonly string[],
  category: string,
  value: Field['value'] | undefined,
): Readonly<Record<Aspect, readonly number[]>> {
  const own = groups.indexOf(category === 'device' ? softwareGroup : category);
  const byForm = category === 'device' && value !== undefined && formed.has(value);
  return { value: byForm ? [0] : [0, own], form: byForm ? [own] : [] };
}

/** Returns how often each view came. Clients without one are alike.
 *  @param digests sorted; undefined when no client has one */
function viewsOf(digests: Float64Array | undefined, clients: number): Frequencies {
  return frequenciesOfDigests(digests ?? new Float64Array(0), clients - (digests?.length ?? 0));
}
