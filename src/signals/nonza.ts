/** The carrier `stream`: a nonza (XEP-0360) that answers a stream feature before authentication. */
import { ns } from '../stanza/namespaces.ts';

export const signalsNamespace = ns.signals;

/** Local name of the feature and of the nonza. */
export const signalsElement = 'connection-signals';

/** Returns the nonza that answers the feature. A JWS in compact form has no character that XML escapes. */
export function signalsNonza(jws: string): string {
  return `<${signalsElement} xmlns='${signalsNamespace}'>${jws}</${signalsElement}>`;
}
