/** Errors of a proxy's files and ports, at its start or at a reload. */
import type { ErrorRow } from './row.ts';

export const reloadErrors = {
  ERR_RELOAD_DEFECT: {
    cause: 'Reading a changed file failed in a way that the proxy does not foresee: a defect of the proxy.',
    remedy: 'Undo the change to the file, and report the class and the place that the message names.',
    exit: 'software',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

const pem = 'Write it again in PEM form; `narthex check` tells more.';

export const setupErrors = {
  ERR_CERTIFICATE_UNREADABLE: {
    cause: 'A certificate, key or authorities file does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions. While serving, the certificate in use stays.',
  },
  ERR_CERTIFICATE_INVALID: {
    cause: 'A certificate file holds no certificate that can be used.',
    remedy: pem,
  },
  ERR_CERTIFICATE_KEY_INVALID: {
    cause: 'A key file holds no private key that can be used without a passphrase.',
    remedy: pem,
  },
  ERR_CERTIFICATE_KEY_MISMATCH: {
    cause: 'The private key is not the key of the certificate it is configured with.',
    remedy: 'Pair each certificate with its key, and replace both files at once.',
  },
  ERR_SECRET_UNREADABLE: {
    cause: 'A file with a secret or a token does not exist, cannot be read, or may be opened by every user.',
    remedy: 'Correct the path or its permissions. While serving, what is in use stays.',
  },
  ERR_KEY_SET_INVALID: {
    cause: 'A file does not hold a JWK set with a key that verifies signatures, or cannot be read.',
    remedy: 'Write the set as the issuer publishes it (RFC 7517): public keys, each with its `kid`.',
  },
  ERR_SECRET_INVALID: {
    cause: 'A secret has fewer than 32 bytes, or a file for a bearer token holds something else.',
    remedy: 'Make a secret with `openssl rand 32`. While serving, what is in use stays.',
  },
  ERR_CAPABILITIES_UNREADABLE: {
    cause: 'A capability profile or the table of content kinds does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions. While serving, the profiles in use stay.',
  },
  ERR_CAPABILITIES_INVALID: {
    cause: 'The capability profiles or the table of content kinds cannot be used together or alone.',
    remedy: '`narthex check` names every line that is wrong. While serving, the profiles in use stay.',
  },
  ERR_REGIONS_UNREADABLE: {
    cause: 'The table of regions does not exist, cannot be read, or has more than `regions.bytesMax` bytes.',
    remedy: 'Correct the path or its permissions, or raise the limit. While serving, the table in use stays.',
  },
  ERR_REGIONS_INVALID: {
    cause: 'A row of the table of regions is wrong, or there are more than `regions.rowsMax`.',
    remedy: 'Correct the row (RFC 8805 §2.1), or raise the limit. While serving, the table in use stays.',
  },
  ERR_SIGNING_KEYS_UNREADABLE: {
    cause: 'The folder of signing keys, or a key in it, does not exist or cannot be read.',
    remedy: 'Correct `signals.keysFolder` or its permissions. While serving, the keys in use stay.',
  },
  ERR_SIGNING_KEYS_INVALID: {
    cause: 'The folder of signing keys holds no key, or a file that is none, or two keys that clash.',
    remedy:
      'One Ed25519 key in PEM form per file (`openssl genpkey -algorithm ed25519`), each with a name and a start of its own. While serving, the keys in use stay.',
  },
  ERR_RECORDING_UNWRITABLE: {
    cause: 'The file for a recording exists, or the process cannot create it.',
    remedy: 'Name a file that does not exist, in a folder that the process may write to.',
    exit: 'cannotCreate',
  },
  ERR_LEDGER_KEY_INVALID: {
    cause: 'The file with the key of the ledger has no Ed25519 private key in PEM form, or cannot be read.',
    remedy: 'Make one with `openssl genpkey -algorithm ed25519`, and let the process read it.',
  },
  ERR_LEDGER_UNWRITABLE: {
    cause: 'The folder of the ledger does not exist, or the process cannot write to it.',
    remedy: 'Create the folder of `ledger.recordsFolder`, and let the process write to it.',
  },
  ERR_TRACING_FILE: {
    cause: 'A file of `tracing` cannot be read, or has headers of another form than `name: value`.',
    remedy: 'Correct the file at the place named; see docs/traces.md.',
  },
  ERR_PORT_IN_USE: {
    cause: 'Another process, or another part of this one, listens on the port already.',
    remedy: 'Stop the process that listens there (`ss -ltnp` shows it), or choose another port.',
    exit: 'unavailable',
  },
  ERR_PORT_PERMISSION: {
    cause: 'The system does not let this user open the port.',
    remedy: 'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE.',
    exit: 'noPermission',
  },
  ERR_ADDRESS_NOT_AVAILABLE: {
    cause: 'The address is none of this machine.',
    remedy: 'Use an address of the machine, or `::` or `0.0.0.0` for all.',
    exit: 'unavailable',
  },
  ERR_LISTEN: {
    cause: 'The port could not be opened for a rarer reason.',
    remedy: 'The errno in the message says more.',
    exit: 'unavailable',
  },
} as const satisfies Readonly<Record<`ERR_${string}`, ErrorRow>>;

export type SetupErrorCode = keyof typeof setupErrors;
