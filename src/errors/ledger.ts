/** Errors of the exposure ledger's files. */
import type { ErrorRow } from './row.ts';

export const ledgerErrors = {
  ERR_LEDGER_FOLDER: {
    cause: 'The folder of a ledger does not exist, cannot be read, or has no file of a ledger.',
    remedy: 'Name the folder that `ledger.recordsFolder` has in the configuration of the proxy.',
    exit: 'noInput',
  },
  ERR_LEDGER_KEY: {
    cause: "The file with the ledger's key has no Ed25519 key in PEM form.",
    remedy: 'Give the public key: `openssl pkey -in ledger.pem -pubout`.',
    exit: 'dataError',
  },
  ERR_LEDGER_BROKEN: {
    cause: 'A ledger that a report takes counts from is not whole.',
    remedy: '`narthex ledger verify` says where. Report without `--from`, or from a copy that is whole.',
    exit: 'dataError',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
