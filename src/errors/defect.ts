/** The parts of an unforeseen exception that may be reported: its class, and the first stack frame in the program's
 *  sources. Its message may quote the wire or a key, and is left out. */

export interface Defect {
  /** Class of the exception, such as `TypeError`; `unknown` for a thrown value that is no Error. */
  readonly errorClass: string;
  /** Innermost stack frame below `src/`, such as `policy/shape.ts:181:20`; `unknown` without one. */
  readonly frame: string;
}

/** Returns the class and the first own frame of a thrown value. */
export function defectOf(error: unknown): Defect {
  if (!(error instanceof Error)) return { errorClass: 'unknown', frame: 'unknown' };
  return { errorClass: classNameOf(error), frame: firstOwnFrame(framesOf(error)) };
}

const namePattern = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/;

function classNameOf(error: Error): string {
  const name: unknown = error.constructor?.name;
  return typeof name === 'string' && namePattern.test(name) ? name : 'Error';
}

/** Returns the stack after the message: a line of the message must not pass for a frame. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message);
  return at === -1 ? '' : stack.slice(at + message.length);
}

/** A frame reads `at name (file:///…/src/policy/shape.ts:181:20)`. */
const framePattern = /^ {4}at .*?\/src\/([a-z0-9-]+(?:\/[a-z0-9-]+)*\.ts:\d{1,6}:\d{1,6})\)?$/;

function firstOwnFrame(stack: string): string {
  for (const line of stack.split('\n')) {
    const frame = framePattern.exec(line)?.[1];
    if (frame !== undefined && !line.includes('/node_modules/')) return frame;
  }
  return 'unknown';
}
