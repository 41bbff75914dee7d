/** What may be said of an exception that the code did not foresee. Its message stays out: it may quote the wire or a
 *  key. The class and the first frame of our own code lead to the line. */

export interface Defect {
  /** Class of the exception, such as `TypeError`; `unknown` for a thrown value that is no Error. */
  readonly errorClass: string;
  /** Innermost stack frame below `src/`, such as `policy/shape.ts:181:20`; `unknown` without one. */
  readonly frame: string;
}

/** Returns class and first own frame of whatever was thrown. */
export function defectOf(error: unknown): Defect {
  if (!(error instanceof Error)) return { errorClass: 'unknown', frame: 'unknown' };
  return { errorClass: classNameOf(error), frame: firstOwnFrame(framesOf(error)) };
}

const namePattern = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/;

function classNameOf(error: Error): string {
  const name: unknown = error.constructor?.name;
  return typeof name === 'string' && namePattern.test(name) ? name : 'Error';
}

/** The stack after the message: a message of several lines must not pass for a frame. */
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
