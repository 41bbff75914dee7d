/** Which gatekeepers a section of the configuration is for: one below a gatekeeper is for that one, the one at the top for
 *  all that have none of their own. */
import type { ConfigPath } from './problem.ts';
import type { Config } from './schema.ts';

/** A section in force somewhere. */
export interface Scoped<Section> {
  readonly path: ConfigPath;
  /** The gatekeeper whose section it is; undefined for the top level. */
  readonly gatekeeper: string | undefined;
  /** The gatekeepers that it is for. */
  readonly gatekeepers: readonly string[];
  readonly section: Section;
}

/** The gatekeepers that a section is for. */
export type ScopeName = Pick<Scoped<unknown>, 'gatekeeper' | 'gatekeepers'>;

interface Holder<Section> {
  readonly name: string;
  readonly section: Section | undefined;
}

/** Returns the section at the top, if there is one, then those of gatekeepers. */
function scopesOf<Section>(
  key: string,
  top: Section | undefined,
  holders: readonly Holder<Section>[],
): readonly Scoped<Section>[] {
  const others = holders.filter(({ section }) => section === undefined).map(({ name }) => name);
  const own = holders.flatMap(({ name, section }, index): Scoped<Section>[] => {
    if (section === undefined) return [];
    return [{ path: ['gatekeepers', index, key], gatekeeper: name, gatekeepers: [name], section }];
  });
  if (top === undefined) return own;
  return [{ path: [key], gatekeeper: undefined, gatekeepers: others, section: top }, ...own];
}

/** The sections `policy`, that of the top level first. */
export function policySections({
  policy,
  gatekeepers,
}: {
  readonly policy: Config['policy'];
  readonly gatekeepers: readonly Pick<Config['gatekeepers'][number], 'name' | 'policy'>[];
}): readonly Scoped<PolicyFiles>[] {
  const own = gatekeepers.map((each) => ({ name: each.name, section: each.policy }));
  return scopesOf<PolicyFiles>('policy', policy, own);
}

/** What both kinds of the section have. */
export type PolicyFiles = NonNullable<Config['gatekeepers'][number]['policy']>;

/** The sections `capabilities`. */
export function capabilitySections({
  capabilities,
  gatekeepers,
}: Pick<Config, 'capabilities' | 'gatekeepers'>): readonly Scoped<NonNullable<Config['capabilities']>>[] {
  const own = gatekeepers.map((each) => ({ name: each.name, section: each.capabilities }));
  return scopesOf('capabilities', capabilities, own);
}
