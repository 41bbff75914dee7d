/** Names of listeners and gatekeepers in the configuration: the only texts in logs, metrics and traces. */

declare const labelled: unique symbol;

/** A name from the checked configuration. Only app/ and cli/ call `label()`, with the configuration; a test of the
 *  imports checks that. */
export type Label = string & { readonly [labelled]: true };

const shape = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Makes a label of a configured name.
 *  @throws RangeError when the text does not have the form of configured names */
export function label(name: string): Label {
  if (!isLabel(name))
    throw new RangeError('a label is a name of the configuration: a-z, 0-9 and -, at most 63');
  return name;
}

/** Returns whether a value has the form of a configured name, for checks that types cannot make. */
export function isLabel(value: unknown): value is Label {
  return typeof value === 'string' && shape.test(value);
}
