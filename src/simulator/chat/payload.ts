/** Reads ClientPayload, the description of a client in the last message of the handshake. */
import { unpackFields, type FieldValue } from './fields.ts';

/** Value of `product` for a third party's client. */
export const interopProduct = 2;

export interface LoginRequest {
  /** 0 for the gatekeeper's own app. */
  readonly product: number;
  /** Digits; undefined when the field is absent. */
  readonly username: string | undefined;
  readonly device: number;
  readonly pushName: string | undefined;
  readonly passive: boolean;
  /** Whether the client asks for what has waited, batch by batch. */
  readonly pull: boolean;
  readonly platform: number | undefined;
  readonly appVersion: readonly number[];
  /** Digits of `interopData.accountID`. */
  readonly accountId: string | undefined;
  readonly token: string | undefined;
  readonly enableReadReceipts: boolean | undefined;
  /** Numbers of all fields, of `interopData` as 38.1 and so on: what the client reveals. */
  readonly fields: readonly string[];
}

const versionParts = 5;

/** @throws Error when the message is cut off, or a field has another type */
export function readLoginRequest(payload: Uint8Array): LoginRequest {
  const fields = unpackFields(payload);
  const userAgent = message(fields, 5);
  const interop = message(fields, 38);
  const version = userAgent === undefined ? undefined : message(userAgent, 2);
  return {
    product: integer(fields, 20) ?? 0,
    username: digits(fields, 1),
    device: integer(fields, 18) ?? 0,
    pushName: text(fields, 7),
    passive: integer(fields, 3) === 1,
    pull: integer(fields, 33) === 1,
    platform: userAgent && integer(userAgent, 1),
    appVersion:
      version === undefined
        ? []
        : Array.from({ length: versionParts }, (_, index) => integer(version, index + 1) ?? 0),
    accountId: interop && digits(interop, 1),
    token: interop && text(interop, 2),
    enableReadReceipts: interop && flag(interop, 3),
    fields: [...names(fields), ...(interop === undefined ? [] : names(interop).map((name) => `38.${name}`))],
  };
}

type Fields = ReadonlyMap<number, FieldValue>;

function names(fields: Fields): string[] {
  return [...fields.keys()].map(String);
}

function integer(fields: Fields, number: number): number | undefined {
  const value = fields.get(number);
  if (value === undefined || typeof value === 'number') return value;
  throw new Error(`field ${number} is no number`);
}

function digits(fields: Fields, number: number): string | undefined {
  return integer(fields, number)?.toFixed(0);
}

function flag(fields: Fields, number: number): boolean | undefined {
  const value = integer(fields, number);
  return value === undefined ? undefined : value === 1;
}

function text(fields: Fields, number: number): string | undefined {
  const bytes = content(fields, number);
  return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

function message(fields: Fields, number: number): Fields | undefined {
  const bytes = content(fields, number);
  return bytes && unpackFields(bytes);
}

function content(fields: Fields, number: number): Uint8Array | undefined {
  const value = fields.get(number);
  if (value === undefined || typeof value !== 'number') return value;
  throw new Error(`field ${number} holds no bytes`);
}
