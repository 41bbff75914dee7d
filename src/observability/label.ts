/** Names that an operator gave to listeners and gatekeepers: the only texts that logs, metrics and traces take. */

declare const labelled: unique symbol;

/** A name from the checked configuration. Nothing else becomes one: `label()` is called by app/ and cli/ only, on the
 *  configuration, which a test of the imports watches over. */
export type Label = string & { readonly [labelled]: true };

const shape = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Makes a label of a configured name.
 *  @throws RangeError when the text has not the shape that the configuration demands of names. */
export function label(name: string): Label {
  if (!isLabel(name))
    throw new RangeError('a label is a name of the configuration: a-z, 0-9 and -, at most 63');
  return name;
}

/** Whether a value has the shape of a configured name; for checks that types cannot make. */
export function isLabel(value: unknown): value is Label {
  return typeof value === 'string' && shape.test(value);
}
