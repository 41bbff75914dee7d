/** The gatekeeper's enlistment in the published form, written from the published framework: a form, and an answer that is
 *  always 200. The key in `authkey` is the one that each of the account's handshakes must show. */
import type { Verification, Verifier } from '../../signals/verify.ts';
import type { ChatUsers } from '../chat/users.ts';
import { answer, header, type HeaderList, type HttpAnswer } from '../http/message.ts';
import type { IncomingRequest } from '../http/server.ts';
import type { OwnershipCheck, TokenCheck } from '../token/ownership-check.ts';

/** The gatekeeper's record of one form. */
export interface FormRecord {
  /** Fields in the order received, with their values. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Undefined for a form that was refused before. */
  readonly token: TokenCheck | undefined;
  /** Undefined where none is required, or a form that was refused before. */
  readonly attestation: Verification | undefined;
  /** The reason in the answer; undefined for an accepted form. */
  readonly reason: FormRefusal | undefined;
}

/** Reasons of a refusal. The first one is published; the simulator needs the others, and names them itself. */
export type FormRefusal =
  | 'bad_integrator'
  | 'bad_form'
  | 'bad_key'
  | 'bad_token'
  | 'bad_attestation'
  | 'old_version'
  | 'unknown_user';

export interface PublishedEnlistmentOptions {
  readonly users: ChatUsers;
  readonly ownership: OwnershipCheck;
  /** Verifies the attestation of each request; none is required by default. */
  readonly attestations?: Verifier;
  /** Returns whether a user-visible identifier may enlist. Default: each. */
  readonly known?: (subject: string) => boolean;
  /** Name of the field with the version, and the versions that are accepted: each, where none is named. */
  readonly version: { readonly field: string; readonly accepted?: readonly string[] };
  /** Refuses every form with this reason; undefined for none. */
  readonly refusal?: () => FormRefusal | undefined;
  readonly onForm?: (record: FormRecord) => void;
}

export const enlistmentPath = '/3p/interop_reg';

/** Headers that a large server adds; the client must not see them. */
const housekeeping: HeaderList = [
  ['Server', 'gatekeeper-edge/7.3'],
  ['Set-Cookie', 'gk_device=5f3e2a1b; Secure; HttpOnly'],
];

/** Bytes of each binary field. */
const widths: ReadonlyMap<string, number> = new Map([
  ['authkey', 32],
  ['e_keytype', 1],
  ['e_regid', 4],
  ['e_ident', 32],
  ['e_skey_id', 3],
  ['e_skey_val', 32],
  ['e_skey_sig', 64],
]);

const tokenBytesMax = 4_096;
/** Key type of Curve25519. */
const curve25519 = 5;

/** Answers POST /3p/interop_reg. */
export function createPublishedEnlistment(options: PublishedEnlistmentOptions) {
  return async (request: IncomingRequest): Promise<HttpAnswer | undefined> => {
    if (request.target !== enlistmentPath) return undefined;
    if (request.method !== 'POST') return answer(405);
    const fields = [...new URLSearchParams(request.body.toString('latin1'))];
    const outcome = await decide(request, fields, options);
    const { token, attestation } = outcome;
    const reason = 'reason' in outcome ? outcome.reason : undefined;
    options.onForm?.({ fields, token, attestation, reason });
    const document = 'login' in outcome ? { status: 'ok', login: outcome.login } : { status: 'fail', reason };
    return answer(200, document, housekeeping);
  };
}

type Outcome = Pick<FormRecord, 'token' | 'attestation'> &
  ({ readonly login: string } | { readonly reason: FormRefusal });

async function decide(
  request: IncomingRequest,
  fields: FormRecord['fields'],
  { users, ownership, attestations, known = () => true, version, refusal }: PublishedEnlistmentOptions,
): Promise<Outcome> {
  const nothing = { token: undefined, attestation: undefined };
  const read = readForm(header(request, 'content-type'), fields, version);
  if (typeof read === 'string') return { ...nothing, reason: read };
  const always = refusal?.();
  if (always !== undefined) return { ...nothing, reason: always };
  const token = await ownership.check(read.token);
  if (token.kind === 'refused') return { ...nothing, token, reason: 'bad_token' };
  const binding = { kind: 'tls-exporter', value: request.exporter } as const;
  const attestation = await attestations?.verify(header(request, 'connection-signals'), binding);
  if (attestation !== undefined && attestation.kind !== 'accepted')
    return { token, attestation, reason: 'bad_attestation' };
  if (!known(token.subject)) return { token, attestation, reason: 'unknown_user' };
  const { address } = users.enlist({ subject: token.subject, staticKey: read.authkey });
  return { token, attestation, login: address };
}

/** @returns the reason for a form that cannot be read */
function readForm(
  type: string | undefined,
  fields: FormRecord['fields'],
  { field, accepted }: PublishedEnlistmentOptions['version'],
): FormRefusal | { readonly authkey: Buffer; readonly token: string } {
  if (type !== 'application/x-www-form-urlencoded') return 'bad_form';
  const names = [...widths.keys(), 'token', field];
  const values = new Map(fields);
  const isComplete = fields.length === names.length && names.every((name) => values.has(name));
  if (!isComplete) return 'bad_form';
  const keys = [...widths].map(([name, width]) => ({ bytes: decode(values.get(name)!), width }));
  if (!keys.every(({ bytes, width }) => bytes?.length === width)) return 'bad_key';
  if (keys[1]!.bytes![0] !== curve25519) return 'bad_key';
  const token = values.get('token')!;
  if (token.length > tokenBytesMax) return 'bad_token';
  if (accepted?.includes(values.get(field)!) === false) return 'old_version';
  return { authkey: keys[0]!.bytes!, token };
}

/** Reads base64url without padding; undefined for any other text. */
function decode(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64url');
}
