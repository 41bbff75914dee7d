/** Names a defect for the log and the traces: the class of the exception and the place where it was thrown. Both
 *  come from the program, never from a message. */
import type { Defect } from '../errors/defect.ts';

class Name {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A class, or a place in the sources. Only `defectFields` makes one. */
export type DefectName = Name;

export function isDefectName(value: unknown): value is DefectName {
  return value instanceof Name;
}

/** Returns a defect in the form that the log and spans take. */
export function defectFields({ errorClass, frame }: Defect): {
  readonly defect: DefectName;
  readonly frame: DefectName;
} {
  return { defect: new Name(errorClass), frame: new Name(frame) };
}
