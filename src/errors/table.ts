/** The table of errors: every code once, in sections. ERRORS.md is generated from it, and the command line takes
 *  remedies and exit codes from it. */
import { authenticationErrors } from './authentication.ts';
import { discoErrors, profileErrors } from './capabilities.ts';
import { canaryErrors } from './canaries.ts';
import { chatErrors } from './chat.ts';
import { commandErrors } from './command.ts';
import { configErrors } from './config.ts';
import { exitCodes, type ExitCode, type ExitName } from './exit.ts';
import { adminErrors, httpErrors } from './http.ts';
import { http2Errors } from './http2.ts';
import { ledgerErrors } from './ledger.ts';
import { policyErrors } from './policy.ts';
import { recordingErrors } from './recording.ts';
import type { ErrorRow } from './row.ts';
import { reloadErrors, setupErrors } from './setup.ts';
import { simulatorErrors } from './simulator.ts';
import { streamErrors } from './stream.ts';
import { tokenErrors } from './token.ts';

export interface ErrorSection {
  readonly title: string;
  /** Where operators see codes of the section. */
  readonly seen: string;
  /** Exit of a command that fails with a code of the section, unless its row has another. */
  readonly exit: ExitName;
  readonly codes: Readonly<Record<string, ErrorRow>>;
}

export const errorSections: readonly ErrorSection[] = [
  { title: 'Commands', seen: 'on standard error, with an exit code', exit: 'usage', codes: commandErrors },
  {
    title: 'Configuration',
    seen: 'on standard error of `check` and `serve`, with file, line and column',
    exit: 'config',
    codes: configErrors,
  },
  {
    title: 'Ports and certificates',
    seen: 'on standard error of `serve` when it starts, and after a rejected reload',
    exit: 'config',
    codes: setupErrors,
  },
  {
    title: 'Reloads',
    seen: 'in the log (`reload.rejected`), in `/readyz` and in the answer of `/api/reload`, with the codes of policies, capability profiles, certificates and keys',
    exit: 'software',
    codes: reloadErrors,
  },
  {
    title: 'Streams',
    seen: 'in the log and in the metric `narthex_refusals_total`',
    exit: 'software',
    codes: streamErrors,
  },
  {
    title: 'Signed tokens',
    seen: 'in the log (`session.reauthenticated`) and, by callers over HTTP, in problem documents (RFC 9457)',
    exit: 'software',
    codes: tokenErrors,
  },
  {
    title: 'Authentication',
    seen: 'in the answer of `GET /api/refusals/CODE`; the log says it in `session.reauthenticated`',
    exit: 'software',
    codes: authenticationErrors,
  },
  {
    title: 'HTTP',
    seen: 'in problem documents (RFC 9457), in the log (`http.refused`) and in `narthex_http_refusals_total`',
    exit: 'software',
    codes: httpErrors,
  },
  {
    title: 'HTTP/2',
    seen: 'in the log (`http.protocol-refused`) and in `narthex_http_protocol_refusals_total`',
    exit: 'software',
    codes: http2Errors,
  },
  {
    title: 'Admin port',
    seen: 'in problem documents (RFC 9457)',
    exit: 'software',
    codes: adminErrors,
  },
  {
    title: 'Policies',
    seen: 'with file, line and column, in the output of `narthex policy` and in `ERR_CONFIG_POLICY`',
    exit: 'dataError',
    codes: policyErrors,
  },
  { title: 'Capability profiles', seen: 'with file, line and column', exit: 'config', codes: profileErrors },
  {
    title: 'Exposure ledger and reports',
    seen: 'in the output of `narthex ledger` and `narthex report`',
    exit: 'dataError',
    codes: ledgerErrors,
  },
  {
    title: 'Recordings',
    seen: 'with file and line, in the output of commands that read a recording',
    exit: 'dataError',
    codes: recordingErrors,
  },
  {
    title: 'Canaries',
    seen: 'on standard error of `narthex audit canaries`',
    exit: 'unavailable',
    codes: canaryErrors,
  },
  { title: 'Chat channel', seen: 'in the output of `narthex chat`', exit: 'software', codes: chatErrors },
  {
    title: 'Service discovery',
    seen: 'in the output of `narthex capabilities`',
    exit: 'dataError',
    codes: discoErrors,
  },
  {
    title: 'Simulator',
    seen: 'on standard error of `narthex demo`',
    exit: 'software',
    codes: simulatorErrors,
  },
];

function sectionOf(code: string): ErrorSection | undefined {
  return errorSections.find(({ codes }) => Object.hasOwn(codes, code));
}

/** Returns the row of a code; undefined for a word that is no code. */
export function explanationOf(code: string): ErrorRow | undefined {
  return sectionOf(code)?.codes[code];
}

/** Returns the exit code of a command that fails with this code; that of a defect for a word that is no code. */
export function exitCodeOf(code: string): ExitCode {
  const section = sectionOf(code);
  return exitCodes[section?.codes[code]?.exit ?? section?.exit ?? 'software'];
}
