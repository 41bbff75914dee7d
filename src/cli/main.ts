/** The command line: reads arguments, loads the one command that is asked for, reports what it failed with. The only
 *  place that looks at the process: everything below gets `Surroundings`. */
import process from 'node:process';
import { Command, CommanderError, Option } from 'commander';
import type { CommandDescription, OptionDescription, Surroundings } from './command.ts';
import { commands } from './commands.ts';
import { type ExitCode, exitCodes } from './exit.ts';
import { reportFailure } from './report.ts';
import { productVersion } from './version.ts';

const surroundings: Surroundings = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  folder: process.cwd(),
  now: Date.now,
};

// `narthex … | head` is no failure: who closes the pipe has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok.code : exitCodes.io.code);
});

// A defect outside any command's own flow; going on would be guessing.
process.on('uncaughtException', (error) => process.exit(reportFailure(error, process.stderr)));

process.exitCode = await main(process.argv.slice(2), surroundings);

async function main(args: readonly string[], world: Surroundings): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.ok.code;
  const program = describe(world, (code) => (exit = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    // Commander has printed what it throws for already: help, version, or the usage error.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
    return reportFailure(error, world.stderr);
  }
}

function describe(world: Surroundings, done: (code: ExitCode) => void): Command {
  const program = new Command('narthex')
    .description(
      'A proxy between XMPP clients and a messaging server that decides who gets to see which metadata.',
    )
    .version(productVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', `\n${overview()}`)
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: (text, write) => write(usageError(text)),
    })
    .exitOverride();
  for (const description of commands) add(program, description, world, done);
  return program;
}

function add(
  program: Command,
  description: CommandDescription,
  world: Surroundings,
  done: (code: ExitCode) => void,
): void {
  const { name, summary, file, options, load } = description;
  // Subcommands made by `command()` inherit output, help and exit handling.
  const command = program.command(name).summary(summary).description(description.description);
  if (file !== undefined) command.argument('[file]', file);
  for (const option of options) command.addOption(optionOf(option));
  command.addHelpText('after', `\n${teaching(description)}`);
  command.action(async () => {
    const { run } = await load();
    done(await run({ file: command.args[0], options: command.opts() }, world));
  });
}

function optionOf({ flags, description, choices, byDefault }: OptionDescription): Option {
  const option = new Option(flags, description);
  if (choices !== undefined) option.choices(choices);
  if (byDefault !== undefined) option.default(byDefault);
  return option;
}

function usageError(text: string): string {
  // Commander ends with a line `(Did you mean …?)` of its own where it knows better.
  const [message, ...hints] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const hint = hints.length === 0 ? '' : ` ${hints.join(' ')}`;
  return `narthex: error ERR_USAGE: ${message}${hint}\n    See \`narthex --help\` and \`narthex <command> --help\`.\n`;
}

function teaching({ examples, next }: CommandDescription): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  ${line.padEnd(width)}  # ${does}`);
  return ['Examples:', ...lines, '', `Next: ${next}`].join('\n');
}

function overview(): string {
  const rows = Object.values(exitCodes).map(
    ({ code, meaning }) => `  ${String(code).padStart(2)}  ${meaning}`,
  );
  return [
    'First steps:',
    '  narthex demo                               # see it work, nothing to set up',
    '  narthex check deploy/examples/narthex.yaml # see what a configuration is, and what errors look like',
    '  narthex serve                              # run it',
    '',
    'Exit codes:',
    ...rows,
    '',
    'ERRORS.md explains every error code, METRICS.md every metric.',
  ].join('\n');
}
