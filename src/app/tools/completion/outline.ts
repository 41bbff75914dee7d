/** The outline of the command line, from which the completion script of each shell is written. */

/** The values at one place: closed words, paths of files, or both. Neither means any text. */
export interface Values {
  readonly words: readonly string[];
  readonly files: boolean;
}

export interface OptionOutline {
  /** With their hyphens, such as `-h` and `--help`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly values: Values | undefined;
}

export interface CommandOutline {
  /** Words after the name of the program, each after a space: ` policy check`. The program itself is ''. */
  readonly at: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionOutline[];
  readonly values: Values;
}

/** The program and every command below it, the program first. */
export type ProgramOutline = readonly CommandOutline[];

/** Paths of the commands as patterns of a `case`: `' policy' | ' policy check'`. */
export function commandPaths(program: ProgramOutline): readonly string[] {
  return program.map(({ at }) => at).filter((at) => at !== '');
}

/** Returns a text in single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
