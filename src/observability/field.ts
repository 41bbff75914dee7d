/** What logs and traces may hold. No kind is free text, so that nothing from the wire can get in, not even by
 *  mistake: types say so at compile time, `fits` at run time. The one text is what a diagnostic says of a file. */
import type { StreamErrorCode } from '../errors/stream.ts';
import { isStreamErrorCode } from '../errors/stream.ts';
import { type Label, isLabel } from './label.ts';
import { isDefectName, type DefectName } from './defect-fields.ts';
import { isFileCode, isOperatorText, type FileCode, type OperatorText } from './operator-text.ts';

/** A count, size or duration; a configured name; a code that ends a stream; or one of some words. */
type FieldKind = 'number' | 'label' | 'code' | 'file-code' | 'operator-text' | 'defect' | readonly string[];

/** Fields by name. */
export type FieldKinds = Readonly<Record<string, FieldKind>>;

/** The values that go with a table of kinds. All may be left out: a session that fails early has no gatekeeper. */
export type FieldValues<Kinds extends FieldKinds> = {
  readonly [Field in keyof Kinds]?: FieldValue<Kinds[Field]>;
};

type FieldValue<Kind extends FieldKind> = Kind extends 'number'
  ? number
  : Kind extends 'label'
    ? Label
    : Kind extends 'code'
      ? StreamErrorCode
      : Kind extends 'file-code'
        ? FileCode
        : Kind extends 'operator-text'
          ? OperatorText
          : Kind extends 'defect'
            ? DefectName
            : Kind[number];

/** Stands where a value of the wrong kind would have stood. */
const refused = '[refused]';

/** A copy of the fields that the table names, and of no others. */
export function allowedFields(
  kinds: FieldKinds,
  values: Readonly<Record<string, unknown>>,
): Record<string, string | number> {
  const copy: Record<string, string | number> = {};
  for (const [field, kind] of Object.entries(kinds)) {
    const value = values[field];
    if (value === undefined) continue;
    const plain = textOf(kind, value);
    copy[field] = plain ?? (fits(kind, value) ? value : refused);
  }
  return copy;
}

/** The text of the two kinds that have one. */
function textOf(kind: FieldKind, value: unknown): string | undefined {
  if (kind === 'operator-text' && isOperatorText(value)) return value.text;
  return kind === 'defect' && isDefectName(value) ? value.text : undefined;
}

function fits(kind: FieldKind, value: unknown): value is string | number {
  switch (kind) {
    case 'number':
      return Number.isFinite(value);
    case 'label':
      return isLabel(value);
    case 'code':
      return isStreamErrorCode(value);
    case 'file-code':
      return isFileCode(value);
    case 'operator-text':
    case 'defect':
      return false;
    default:
      return typeof value === 'string' && kind.includes(value);
  }
}
