/** The kinds of values in logs and traces. None is free text, so that no value from the wire can enter by mistake:
 *  types exclude it at compile time, `fits` at run time. The one text is a diagnostic of a file. */
import type { StreamErrorCode } from '../errors/stream.ts';
import { isStreamErrorCode } from '../errors/stream.ts';
import { type Label, isLabel } from './label.ts';
import { type Digest, type IdentifierKind, isIdentifier, type TraceId, type Version } from './identifiers.ts';
import { isDefectName, type DefectName } from './defect-fields.ts';
import { isFileCode, isOperatorText, type FileCode, type OperatorText } from './operator-text.ts';

/** A count, size or duration; a configured name; a code that ends a stream; a file's diagnostic; an identifier; or one of
 *  some words. */
type FieldKind =
  'number' | 'label' | 'code' | 'file-code' | 'operator-text' | 'defect' | IdentifierKind | readonly string[];

/** Fields by name. */
export type FieldKinds = Readonly<Record<string, FieldKind>>;

/** The values of a table of kinds. All are optional: a session that fails early has no gatekeeper. */
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
            : Kind extends 'digest'
              ? Digest
              : Kind extends 'version'
                ? Version
                : Kind extends 'trace'
                  ? TraceId
                  : Kind[number];

/** Replaces a value of the wrong kind. */
const refused = '[refused]';

/** Returns a copy with the fields that the table names, and no others. */
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

/** Returns the text of an operator text or a defect; undefined for other kinds. */
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
    case 'digest':
    case 'version':
    case 'trace':
      return isIdentifier(kind, value);
    default:
      return typeof value === 'string' && kind.includes(value);
  }
}
