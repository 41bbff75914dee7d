/** The `stream` carrier: a nonza (XEP-0360) that answers a stream feature, before authentication. */
import { ns } from '../stanza/namespaces.ts';

export const signalsNamespace = ns.signals;

/** The element's local name, as feature and as nonza. */
export const signalsElement = 'connection-signals';

/** What the proxy answers the feature with. A JWS in compact form has no character that XML would escape. */
export function signalsNonza(jws: string): string {
  return `<${signalsElement} xmlns='${signalsNamespace}'>${jws}</${signalsElement}>`;
}
