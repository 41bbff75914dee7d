/** Errors of the exposure ledger's files. */
import type { ErrorRow } from './row.ts';

export const ledgerErrors = {
  ERR_LEDGER_FOLDER: {
    cause:
      'The folder of a ledger or a file in it does not exist, cannot be read, or the folder has no file of a ledger.',
    remedy:
      'Name the folder of `ledger.recordsFolder`, with files that this user may read. A running proxy may have removed an old file: run it again.',
    exit: 'noInput',
  },
  ERR_LEDGER_KEY: {
    cause: "The file with the ledger's key cannot be read, or has no Ed25519 key in PEM form.",
    remedy: 'Give the file of the public key, made by `openssl pkey -in ledger.pem -pubout`.',
    exit: 'dataError',
  },
  ERR_LEDGER_BROKEN: {
    cause: 'A ledger that a report takes counts from is not whole.',
    remedy: '`narthex ledger verify` says where. Report without `--from`, or from a copy that is whole.',
    exit: 'dataError',
  },
  ERR_PROXY_UNREACHABLE: {
    cause: 'The admin port of a proxy that a report takes counts from does not answer, or breaks off.',
    remedy:
      'Check the address, and that the proxy runs; `admin` in narthex.yaml has its host and port. On Kubernetes use `kubectl port-forward`.',
    exit: 'unavailable',
  },
  ERR_PROXY_REFUSED: {
    cause: 'The admin port of a proxy does not answer the machine that asks.',
    remedy: 'Ask from the machine of the proxy, or add the range of this one to `admin.addresses`.',
    exit: 'noPermission',
  },
  ERR_PROXY_ANSWER: {
    cause: 'What answers at the address is no admin port of a proxy, or one of another version.',
    remedy: 'Give the address of the admin port, such as http://127.0.0.1:9090, and use the same version.',
    exit: 'dataError',
  },
  ERR_PROXY_POLICY: {
    cause: 'None of the policies of a report is in force at the proxy that it takes counts from.',
    remedy:
      'Report on the policy that is in force: `policy.loaded` in the log and `/api/policy` have its digest.',
    exit: 'dataError',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;
