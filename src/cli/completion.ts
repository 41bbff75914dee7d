/** `narthex completion`: a script with which a shell completes commands, options and their values. */
import { Argument, type Command, type Option } from 'commander';
import { bashCompletion } from '../app/tools/completion/bash.ts';
import { fishCompletion } from '../app/tools/completion/fish.ts';
import type {
  CommandOutline,
  OptionOutline,
  ProgramOutline,
  Values,
} from '../app/tools/completion/outline.ts';
import { zshCompletion } from '../app/tools/completion/zsh.ts';

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

const help = `
Examples:
  $ source <(narthex completion bash)                       # in ~/.bashrc
  $ source <(narthex completion zsh)                        # in ~/.zshrc, after compinit
  $ narthex completion fish | source                        # in ~/.config/fish/config.fish`;

/** Adds the subcommand.
 *  @param whole returns the program with every subcommand registered */
export function registerCompletion(program: Command, whole: () => Promise<Command>): void {
  program
    .command('completion')
    .description('Print a script with which a shell completes commands, options and values.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)))
    .addHelpText('after', help)
    .action(async (shell: keyof typeof scripts) => {
      const all = await whole();
      process.stdout.write(scripts[shell](all.name(), outline(all, '')));
    });
}

/** Returns the outline of a command and every one below it. */
function outline(command: Command, at: string): ProgramOutline {
  const shown = command.createHelp();
  const commands = shown.visibleCommands(command);
  const own: CommandOutline = {
    at,
    commands: commands.map((each) => ({ name: each.name(), description: shown.subcommandDescription(each) })),
    options: shown.visibleOptions(command).map(optionOutline),
    values: either(command.registeredArguments.map(argumentValues)),
  };
  // The help command takes commands as its argument, not as subcommands.
  return [
    own,
    ...commands.flatMap((each) => (each.name() === 'help' ? [] : outline(each, `${at} ${each.name()}`))),
  ];
}

function optionOutline(option: Option): OptionOutline {
  const names = [option.short, option.long].filter((name) => name !== undefined && name !== null);
  const placeholder = /[<[]([^\]>.]+)/.exec(option.flags)?.[1];
  const values = placeholder === undefined ? undefined : valuesOf(placeholder, option.argChoices);
  return { names, description: option.description, values };
}

/** Names of arguments in the help that are paths of files or folders. */
const pathWords = new Set(['file', 'folder', 'path', 'profile']);
/** Names of arguments in the help that are paths, or names of shipped policies. */
const policyWords = new Set(['after', 'before', 'policy']);
const shippedPolicies = ['passthrough', 'balanced', 'strict'];

function valuesOf(placeholder: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { words: choices, files: false };
  if (policyWords.has(placeholder)) return { words: shippedPolicies, files: true };
  return { words: [], files: pathWords.has(placeholder) };
}

/** Returns the values of an argument; one without a list of words is a path. */
function argumentValues(argument: Argument): Values {
  const values = valuesOf(argument.name(), argument.argChoices);
  return { ...values, files: argument.argChoices === undefined };
}

/** Returns the values of any of the arguments: the position of the cursor is not followed. */
function either(values: readonly Values[]): Values {
  return {
    words: [...new Set(values.flatMap(({ words }) => words))],
    files: values.some(({ files }) => files),
  };
}
