/** Errors of narthex.yaml, the files that it names, and the environment. */
import type { ErrorRow } from './row.ts';

export const configErrors = {
  ERR_CONFIG_POLICY: {
    cause: 'A policy, catalogue or key file that `policy` names cannot be used.',
    remedy: 'Run `narthex policy check` on it; it names the place and the remedy.',
  },
  ERR_CONFIG_NOT_FOUND: {
    cause: 'There is no configuration file at the path given, in NARTHEX_CONFIG or at ./narthex.yaml.',
    remedy: 'Pass the path of the file, or start from deploy/examples/narthex.yaml.',
    exit: 'noInput',
  },
  ERR_CONFIG_UNREADABLE: {
    cause: 'The configuration file exists but cannot be read.',
    remedy: 'Check its permissions, and that it is a file.',
    exit: 'noInput',
  },
  ERR_CONFIG_TOO_LARGE: {
    cause: 'The configuration file is larger than 256 KiB.',
    remedy: 'Check that it is the right file; keep certificates in files of their own.',
  },
  ERR_CONFIG_SYNTAX: {
    cause: 'The file is not one YAML 1.2 document in UTF-8.',
    remedy: 'Correct the YAML at the place named; indentation and quotes are the usual causes.',
  },
  ERR_CONFIG_DUPLICATE_KEY: {
    cause: 'A mapping has the same key twice, so one of the two would be lost.',
    remedy: 'Remove or rename one of the two.',
  },
  ERR_CONFIG_ALIAS: {
    cause: 'Aliases (`*name`) expand to more than the file may hold: 100 nodes.',
    remedy: 'Write the values out.',
  },
  ERR_CONFIG_VERSION: {
    cause: 'The apiVersion or the kind is not one that this version reads.',
    remedy:
      'Use `apiVersion: narthex/v1` and `kind: Proxy`. Policies are for `narthex policy check`, capability profiles for `narthex capabilities preview`.',
  },
  ERR_CONFIG_UNKNOWN_KEY: {
    cause: 'An unknown key; ignoring it would hide a spelling mistake.',
    remedy: 'Correct or remove the key; deploy/schema/narthex.schema.json lists every key for editors.',
  },
  ERR_CONFIG_INDENTATION: {
    cause: 'Keys are indented too little or too far, and so stand in the wrong mapping.',
    remedy: 'Align them with the keys of the mapping that they belong to.',
  },
  ERR_CONFIG_MISSING: {
    cause: 'A required key is absent.',
    remedy: 'Add the key.',
  },
  ERR_CONFIG_TYPE: {
    cause: 'A value of the wrong type, such as text where a number is expected.',
    remedy: 'Write a value of the type named; numbers without quotes and without units.',
  },
  ERR_CONFIG_VALUE: {
    cause: 'A value of the right type that is out of range, malformed, or not one of the words allowed.',
    remedy: 'Write a value as the message describes.',
  },
  ERR_CONFIG_REFERENCE: {
    cause: 'A name refers to something the file does not define.',
    remedy: 'Define it, or use a name that is defined.',
  },
  ERR_CONFIG_DUPLICATE: {
    cause: 'Two entries of a list have the same name or serve the same domain.',
    remedy: 'Rename or remove one of the two.',
  },
  ERR_CONFIG_PORT_CLASH: {
    cause:
      'Two of the listeners, the admin port and the public HTTP port want the same port of the same address.',
    remedy: 'Give each its own port or its own address.',
  },
  ERR_CONFIG_ADMIN_OPEN: {
    cause: 'The admin port, which has no authentication, listens on every address of the machine.',
    remedy:
      'Use 127.0.0.1 or an address of an inner network; in a container, keep the port from being published.',
  },
  ERR_CONFIG_FILE: {
    cause: 'A file that the configuration names does not exist or cannot be read.',
    remedy:
      'Correct the path (relative ones start at the folder of the configuration file) or its permissions.',
  },
  ERR_CONFIG_CAPABILITIES: {
    cause:
      'A capability profile or the table of content kinds is wrong, or a profile promises what cannot be kept.',
    remedy: 'Correct the line named in the message; docs/capabilities.md explains the format.',
  },
  ERR_CONFIG_REGIONS: {
    cause: 'The table of regions has a row that is wrong, or is larger than its limits.',
    remedy: 'Correct the row that the message names; RFC 8805 describes the form.',
  },
  ERR_CONFIG_CERTIFICATE: {
    cause: 'A certificate file does not hold certificates in PEM form that can be parsed.',
    remedy:
      'Write the certificate first and its intermediates after it, each between BEGIN and END CERTIFICATE.',
  },
  ERR_CONFIG_CERTIFICATE_DATES: {
    cause: 'A certificate has expired or is not valid yet.',
    remedy: 'Renew the certificate, or correct the clock of the machine.',
  },
  ERR_CONFIG_CERTIFICATE_DOMAIN: {
    cause:
      'No certificate covers a domain that is served, so that clients which verify it will refuse to connect.',
    remedy: 'Add a certificate for the domain to `certificates`.',
  },
  ERR_CONFIG_KEY: {
    cause: 'A key file does not hold a private key in PEM form without a passphrase.',
    remedy: 'Write the key as unencrypted PKCS#8 (`openssl pkcs8 -topk8 -nocrypt`) and protect the file.',
  },
  ERR_CONFIG_SECRET: {
    cause: 'A file that should hold a secret holds too little, or every user of the machine may open it.',
    remedy: 'Make it with `openssl rand 32`, and let its owner alone open it (`chmod 600`).',
  },
  ERR_CONFIG_EPHEMERAL_KEY: {
    cause:
      'There are several replicas, and no key file for what each of them would otherwise make with a key of its own: pseudonyms, or sealed media addresses.',
    remedy: 'Make a secret with `openssl rand 32`, give it to every replica, and name it in `keyFiles`.',
  },
  ERR_CONFIG_STATE_CLEAR_TEXT: {
    cause: 'The way to the store of shared state crosses a network in clear text.',
    remedy:
      'Write `rediss:` in `state.redis.url`, or state with `clearText: true` that the network encrypts by itself.',
  },
  ERR_CONFIG_STATE_MISSING: {
    cause:
      'There are several replicas without shared state: a request that comes to two of them has two effects, and a stream is resumed only where it was.',
    remedy:
      'Add the section `state`, with a Redis or Valkey server; docs/shared-state.md says what it learns.',
  },
  ERR_CONFIG_KEY_MISMATCH: {
    cause: 'The private key is not the key of the certificate it is configured with.',
    remedy: 'Pair each certificate with the key it was issued for.',
  },
  ERR_CONFIG_ENVIRONMENT: {
    cause: 'An environment variable that Narthex reads has a value it cannot use.',
    remedy: 'Correct or unset it; NARTHEX_CONFIG and OTEL_EXPORTER_OTLP_ENDPOINT are the ones read.',
  },
} as const satisfies Readonly<Record<`ERR_CONFIG_${string}`, ErrorRow>>;

export type ConfigErrorCode = keyof typeof configErrors;
