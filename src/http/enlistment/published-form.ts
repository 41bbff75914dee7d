/** The published form of an enlistment: as a client sends it to the proxy, and as the proxy sends it on. Binary values are
 *  base64url without padding (RFC 4648 §5). The client's Signal keys pass unread; only their sizes are checked. */
import { HttpProblem } from '../problem.ts';

/** Bytes of each of the client's keys. */
const keyBytes = {
  e_keytype: 1,
  e_regid: 4,
  e_ident: 32,
  e_skey_id: 3,
  e_skey_val: 32,
  e_skey_sig: 64,
} as const;

type KeyField = keyof typeof keyBytes;

const keyFields = Object.keys(keyBytes) as readonly KeyField[];

/** Bytes of the longest token. */
export const formTokenBytesMax = 4_096;

/** A client's form: all but `authkey`, which the proxy derives, and the version, which it states. */
export interface ClientForm {
  /** The gatekeeper's name in the configuration. */
  readonly gatekeeper: string;
  readonly token: string;
  /** Values as received. */
  readonly keys: Readonly<Record<KeyField, string>>;
}

/** Reads the fields of a client's form.
 *  @throws HttpProblem ERR_HTTP_MEMBER for a missing or an unknown field, ERR_ENLISTMENT_KEY for a key that is not
 *  base64url of its size, ERR_TOKEN_TOO_LARGE */
export function readClientForm(fields: ReadonlyMap<string, string>): ClientForm {
  const take = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new HttpProblem('ERR_HTTP_MEMBER');
    return value;
  };
  const gatekeeper = take('gatekeeper');
  const token = take('token');
  const keys = Object.fromEntries(keyFields.map((name) => [name, take(name)])) as ClientForm['keys'];
  if (fields.size !== keyFields.length + 2) throw new HttpProblem('ERR_HTTP_MEMBER');
  if (token.length > formTokenBytesMax)
    throw new HttpProblem('ERR_TOKEN_TOO_LARGE', { tokenBytesMax: formTokenBytesMax });
  for (const name of keyFields) checkKey(keys[name], keyBytes[name]);
  return { gatekeeper, token, keys };
}

/** @throws HttpProblem ERR_ENLISTMENT_KEY */
function checkKey(value: string, keyBytes: number): void {
  const bytes = Buffer.from(value, 'base64url');
  // The second condition refuses padding, other alphabets, and bits that no byte uses.
  if (bytes.length !== keyBytes || bytes.toString('base64url') !== value)
    throw new HttpProblem('ERR_ENLISTMENT_KEY', { keyBytes });
}

export interface GatekeeperForm extends Omit<ClientForm, 'gatekeeper'> {
  readonly authkey: Uint8Array;
  readonly version: { readonly field: string; readonly value: string };
}

/** Returns the form for the gatekeeper. The order of fields is the proxy's own, so that the client's does not show. */
export function writeGatekeeperForm({ authkey, keys, token, version }: GatekeeperForm): string {
  const form = new URLSearchParams({ authkey: Buffer.from(authkey).toString('base64url') });
  for (const name of keyFields) form.set(name, keys[name]);
  form.set('token', token);
  form.set(version.field, version.value);
  return form.toString();
}
