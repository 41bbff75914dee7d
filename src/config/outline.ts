/** What the schema says about a path: its keys, its alternatives, its description. Read from the published JSON
 *  Schema, so that messages and editors say the same. Pure. */
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

/** The outlines of a path: several under an alternative, none when the schema has no such path. */
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

/** Keys that a mapping at the path may have, in the order of the schema. */
export function keysAt(root: Outline, path: ConfigPath): readonly string[] {
  return [...new Set(outlinesAt(root, path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The description of a path, '' when there is none. */
export function descriptionAt(root: Outline, path: ConfigPath): string {
  return outlinesAt(root, path)[0]?.description ?? '';
}
