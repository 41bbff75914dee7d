/** Finds the keys that a zod schema allows at a path, for suggestions. */
import type { Path } from './yaml.ts';

/** Returns the keys of the mapping at the path; none where the schema has no mapping of fixed keys. */
export function keysAt(schema: unknown, path: Path): string[] {
  const at = schemaAt(schema, path);
  const { options = [at] } = definitionOf(at);
  const keys = options.flatMap((option) => Object.keys(shapeOf(unwrap(option)) ?? {}));
  return [...new Set(keys)];
}

/** Whether the schema has a mapping at the path whose keys are not fixed. */
export function takesAnyKey(schema: unknown, path: Path): boolean {
  return definitionOf(schemaAt(schema, path)).valueType !== undefined;
}

function schemaAt(schema: unknown, path: Path): unknown {
  let at = unwrap(schema);
  for (const step of path) {
    const shape = shapeOf(at);
    const { valueType, element } = definitionOf(at);
    const named = typeof step === 'string' && shape !== undefined ? shape[step] : undefined;
    at = unwrap(named ?? valueType ?? element);
  }
  return at;
}

/** The part of a zod 4 definition that is used. */
interface Definition {
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly options?: readonly unknown[];
}

function definitionOf(schema: unknown): Definition {
  return (schema as { readonly def?: Definition } | undefined)?.def ?? {};
}

/** Returns the schema inside `optional`, `default`, `pipe` and the like, but not the elements of a list. */
function unwrap(schema: unknown): unknown {
  const { innerType, in: input } = definitionOf(schema);
  const inner = innerType ?? input;
  return inner === undefined ? schema : unwrap(inner);
}

/** Returns the mapping of a schema; of a union, that of the first alternative which is one. */
function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  const { shape, options } = definitionOf(schema);
  return shape ?? options?.map((option) => shapeOf(unwrap(option))).find((found) => found !== undefined);
}
