/** What a subcommand is: a description for the help, and a module that is loaded when it is called. */
import type { ExitCode } from './exit.ts';

/** The outside world, handed to commands so that tests can be it. */
export interface Surroundings {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start at. */
  readonly folder: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What stands on the command line, after commander has checked it against the description. */
export interface Invocation {
  readonly file: string | undefined;
  /** Options by their camel-cased names, defaults filled in. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** What a command's module exports. Failures are thrown; `main.ts` reports them and picks the exit code. */
export interface CommandModule {
  readonly run: (invocation: Invocation, surroundings: Surroundings) => Promise<ExitCode>;
}

export interface OptionDescription {
  /** As commander reads them: `--format <format>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly byDefault?: string;
}

export interface CommandDescription {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What it does, for its own help. */
  readonly description: string;
  /** The file argument, if the command takes one. */
  readonly file?: string;
  readonly options: readonly OptionDescription[];
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Where to go next. */
  readonly next: string;
  readonly load: () => Promise<CommandModule>;
}
