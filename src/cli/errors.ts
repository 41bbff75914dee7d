/** Every error code of the product in one list: what it means and the remedy. ERRORS.md is written from it, and the
 *  command line takes the remedy from it. Tables of folders that have one are used as they are; for the others the
 *  types make the tables here complete. */
import type { DiscoErrorCode, HashSetErrorCode } from '../capabilities/errors.ts';
import type { ChatErrorCode } from '../chat/error.ts';
import { configErrors } from '../config/problem.ts';
import { chatErrors } from '../errors/chat.ts';
import type { NoiseErrorCode } from '../noise/error.ts';
import { type ErrorExplanation, streamErrors } from '../observability/errors.ts';
import { adminErrors, httpErrors } from '../observability/http-errors.ts';
import { tokenErrors } from '../observability/token-errors.ts';
import type { SimulatorErrorCode } from '../simulator/error.ts';
import type { SetupErrorCode } from '../transport/error.ts';
import { policyErrors } from './policy-errors.ts';

type Table<Code extends string = string> = Readonly<Record<Code, ErrorExplanation>>;

const commandErrors: Table = {
  ERR_USAGE: {
    cause: 'The command line has an unknown command, option or value.',
    remedy: 'See `narthex --help` and `narthex <command> --help`.',
  },
  ERR_OPTION: { cause: 'An option has a value it does not take.', remedy: 'See the help of the command.' },
  ERR_FILE: {
    cause: 'An input file does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions; `-` is standard input.',
  },
  ERR_CASES: {
    cause: 'The file of cases is no JSON array of {"name": string, "bytes": base64 string}.',
    remedy: 'Correct the file; `narthex scan --help` shows an example.',
  },
  ERR_INPUT_JSON: {
    cause: 'A line of input is neither a JSON string nor an object with a text `xml`.',
    remedy: 'Correct the line, or pass XML.',
  },
  ERR_JWKS: {
    cause: 'The file given as `--jwks` is no JWK set (RFC 7517).',
    remedy: 'Fetch it from `/.well-known/jwks.json` of the intermediary.',
  },
  ERR_HASH_ALGORITHM: {
    cause: 'XEP-0300 has no hash function of this name, or this Node has none.',
    remedy: 'Use one of sha-256, sha-512, sha3-256, sha3-512.',
  },
  ERR_NODE_VERSION: {
    cause: 'The Node that runs narthex is too old, and the one among the dependencies is not installed.',
    remedy: 'Run `npm ci` in the checkout, which brings its own Node, or upgrade.',
  },
  ERR_TRACING_SDK_MISSING: {
    cause:
      'Tracing is on (`tracing.otlpEndpoint` or OTEL_EXPORTER_OTLP_ENDPOINT) without the OpenTelemetry SDK installed.',
    remedy: 'Install the optional dependencies with Node 22.15 or newer, or turn tracing off.',
  },
};

const reloadErrors: Table = {
  ERR_RELOAD_DEFECT: {
    cause: 'Reading a changed file failed in a way that the proxy does not foresee: a defect of the proxy.',
    remedy: 'Undo the change to the file, and report the class and the place that the message names.',
  },
};

const pem = 'Write it again in PEM form; `narthex check` tells more.';

const setupErrors: Table<SetupErrorCode> = {
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
    cause: 'A file with a secret or a token does not exist or cannot be read.',
    remedy: 'Correct the path or its permissions. While serving, what is in use stays.',
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
  ERR_SIGNING_KEYS_UNREADABLE: {
    cause: 'The folder of signing keys, or a key in it, does not exist or cannot be read.',
    remedy: 'Correct `signals.keysFolder` or its permissions. While serving, the keys in use stay.',
  },
  ERR_SIGNING_KEYS_INVALID: {
    cause: 'The folder of signing keys holds no key, or a file that is none, or two keys that clash.',
    remedy:
      'One Ed25519 key in PEM form per file (`openssl genpkey -algorithm ed25519`), each with a name and a start of its own. While serving, the keys in use stay.',
  },
  ERR_PORT_IN_USE: {
    cause: 'Another process, or another part of this one, listens on the port already.',
    remedy: 'Stop it (`ss -ltnp` shows which it is), or choose another port.',
  },
  ERR_PORT_PERMISSION: {
    cause: 'The system does not let this user open the port.',
    remedy: 'Choose a port above 1023, or grant CAP_NET_BIND_SERVICE.',
  },
  ERR_ADDRESS_NOT_AVAILABLE: {
    cause: 'The address is none of this machine.',
    remedy: 'Use an address of the machine, or `::` or `0.0.0.0` for all.',
  },
  ERR_LISTEN: {
    cause: 'The port could not be opened for a rarer reason.',
    remedy: 'The errno in the message tells more.',
  },
};

const stock = 'Correct the result, or have the software that made it corrected.';

const discoErrors: Table<DiscoErrorCode | HashSetErrorCode> = {
  ERR_DISCO_NOT_INFO: {
    cause: 'The XML holds no disco#info query.',
    remedy: 'Pass the result of a disco#info request.',
  },
  ERR_DISCO_IDENTITY: { cause: 'An identity has no category or no type (XEP-0030 §3.1).', remedy: stock },
  ERR_DISCO_FEATURE: { cause: 'A feature has no `var` (XEP-0030 §3.1).', remedy: stock },
  ERR_DISCO_DUPLICATE_IDENTITY: { cause: 'Two identities are the same (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_DUPLICATE_FEATURE: { cause: 'Two features are the same (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_DUPLICATE_FORM: { cause: 'Two forms have the same FORM_TYPE (XEP-0115 §5.4).', remedy: stock },
  ERR_DISCO_FORM_TYPE: {
    cause: 'A FORM_TYPE has several values that differ (XEP-0115 §5.4).',
    remedy: stock,
  },
  ERR_DISCO_CHARACTER: { cause: 'A text has a character that XML 1.0 does not allow.', remedy: stock },
  ERR_DISCO_TOO_LARGE: {
    cause: 'There are more identities, features, forms, fields or values than allowed.',
    remedy: 'A legitimate client has far fewer; nothing is to be configured.',
  },
  ERR_CAPS_FOREIGN_ELEMENT: {
    cause:
      'The query holds something else than identities, features and forms, so XEP-0390 gives it no hash.',
    remedy: stock,
  },
  ERR_CAPS_FORM_TABLE: {
    cause: 'A form holds a table, so XEP-0390 gives the result no hash.',
    remedy: stock,
  },
  ERR_CAPS_FORM_TYPE: {
    cause: 'A form has no single hidden FORM_TYPE (XEP-0068), so XEP-0390 gives the result no hash.',
    remedy: stock,
  },
};

const profileErrors: Table = {
  ERR_YAML: { cause: 'The document is not YAML 1.2.', remedy: 'Correct the YAML at the place named.' },
  ERR_CONTENT_KINDS: {
    cause: 'The table of content kinds is not of its form.',
    remedy: 'Correct the value at the place named; deploy/schema has the schema for editors.',
  },
  ERR_CONTENT_KIND: {
    cause: 'A profile names a content kind that the table does not have.',
    remedy: 'Correct the name, or add the kind to the table.',
  },
  ERR_CAPABILITY_PROFILE: {
    cause: 'A capability profile is not of its form.',
    remedy: 'Correct the value at the place named; deploy/schema has the schema for editors.',
  },
  ERR_PROFILE_NAME: { cause: 'Two profiles have the same name.', remedy: 'Rename one of the two.' },
  ERR_PROFILE_CLAIM: {
    cause: 'A profile asks for a claim that no session can have, and would never be chosen.',
    remedy:
      "Set the gatekeeper's `channelBinding: reauthenticate` and list the claim in `provider.claims.allowed`, or leave " +
      '`claim` out of the profile.',
  },
  ERR_PROFILE_DEFAULT: {
    cause: 'Not exactly one profile is the default.',
    remedy: 'Mark one profile as the default.',
  },
};

const simulatorErrors: Table<SimulatorErrorCode> = {
  ERR_SIMULATOR_OPTIONS: {
    cause: 'The options of the simulator contradict each other.',
    remedy: 'Correct the call; the message names the option.',
  },
  ERR_SIMULATOR_CONNECT: {
    cause: 'No TCP or TLS connection came about, or a port of the simulator could not be opened.',
    remedy: 'Check that the port is free and the other side is up.',
  },
  ERR_SIMULATOR_STREAM: { cause: 'The peer broke the stream.', remedy: 'Look into the log of the peer.' },
  ERR_SIMULATOR_NEGOTIATION: {
    cause: 'The server does not offer what the client insists on: STARTTLS, SCRAM, resource binding.',
    remedy: 'Check the configuration of the server.',
  },
  ERR_SIMULATOR_AUTHENTICATION: {
    cause: 'The server refused the login, or did not prove that it knows the password.',
    remedy: 'Check user and password at the server.',
  },
  ERR_SIMULATOR_TIMEOUT: {
    cause: 'What was awaited did not come in time.',
    remedy: 'Look into the log of the peer.',
  },
  ERR_SIMULATOR_EXPECTATION: {
    cause: 'Something came that the script forbids, for example another text than was sent.',
    remedy: 'The proxy or the server changed a stanza; compare what was sent with what was received.',
  },
};

export interface ErrorSection {
  readonly title: string;
  /** Where codes of the section show up. */
  readonly seen: string;
  readonly codes: Table;
}

/** Complete by its type: every code of the two folders has a row. */
const chatChannelErrors: Table<ChatErrorCode | NoiseErrorCode> = chatErrors;

export const errorSections: readonly ErrorSection[] = [
  { title: 'Commands', seen: 'on standard error, with an exit code', codes: commandErrors },
  {
    title: 'Configuration',
    seen: 'on standard error of `check` and `serve`, with file, line and column',
    codes: configErrors,
  },
  {
    title: 'Ports and certificates',
    seen: 'on standard error of `serve` when it starts',
    codes: setupErrors,
  },
  {
    title: 'Reloads',
    seen: 'in the log (`reload.rejected`), in `/readyz` and in the answer of `/api/reload`, with the codes of policies, capability profiles, certificates and keys',
    codes: reloadErrors,
  },
  { title: 'Streams', seen: 'in the log and in the metric `narthex_refusals_total`', codes: streamErrors },
  {
    title: 'Signed tokens',
    seen: 'in the log (`session.reauthenticated`) and, by callers over HTTP, in problem documents (RFC 9457)',
    codes: tokenErrors,
  },
  {
    title: 'HTTP',
    seen: 'in problem documents (RFC 9457), in the log (`http.refused`) and in `narthex_http_refusals_total`',
    codes: httpErrors,
  },
  { title: 'Admin port', seen: 'in problem documents (RFC 9457)', codes: adminErrors },
  {
    title: 'Policies',
    seen: 'with file, line and column, in the output of `narthex policy` and in `ERR_CONFIG_POLICY`',
    codes: policyErrors,
  },
  { title: 'Capability profiles', seen: 'with file, line and column', codes: profileErrors },
  {
    title: 'Chat channel',
    seen: 'in the output of `narthex chat`',
    codes: chatChannelErrors,
  },
  { title: 'Service discovery', seen: 'in the output of `narthex capabilities`', codes: discoErrors },
  { title: 'Simulator', seen: 'on standard error of `narthex demo`', codes: simulatorErrors },
];

/** What a code means, if it is one of ours. */
export function explanationOf(code: string): ErrorExplanation | undefined {
  return errorSections.find(({ codes }) => Object.hasOwn(codes, code))?.codes[code];
}
