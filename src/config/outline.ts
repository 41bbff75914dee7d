/** Looks up paths in the schema: keys, alternatives, descriptions. Reads the published JSON Schema, so that messages
 *  and editors agree. Pure. */
import type { ConfigPath } from './problem.ts';

/** The part of JSON Schema that the published schema uses. */
export interface Outline {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Outline>>;
  readonly required?: readonly string[];
  readonly items?: Outline;
  readonly anyOf?: readonly Outline[];
  readonly type?: string;
  readonly pattern?: string;
}

/** Returns the outlines of a path: several under an alternative, none when the schema has no such path. */
export function outlinesAt(root: Outline, path: ConfigPath): readonly Outline[] {
  let here = alternatives(root);
  for (const step of path) {
    here = here.flatMap((outline) => {
      const next = typeof step === 'number' ? outline.items : ownProperty(outline, step);
      return next === undefined ? [] : alternatives(next);
    });
  }
  return here;
}

function alternatives(outline: Outline): readonly Outline[] {
  return outline.anyOf ?? [outline];
}

function ownProperty({ properties }: Outline, key: string): Outline | undefined {
  return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

/** Returns the keys that a mapping at the path may have, in the order of the schema. */
export function keysAt(root: Outline, path: ConfigPath): readonly string[] {
  return [...new Set(outlinesAt(root, path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** Returns the description of a path, '' without one. */
export function descriptionAt(root: Outline, path: ConfigPath): string {
  return outlinesAt(root, path)[0]?.description ?? '';
}
