/** The command line. Each subcommand is loaded only when it is asked for. */
import { Command, CommanderError } from 'commander';
import { exitCodes } from './exit.ts';
import { report } from './report.ts';

/** Subcommand to the module that registers it. */
const subcommands: Readonly<Record<string, () => Promise<{ register(program: Command): void }>>> = {
  serve: () => import('./serve.ts'),
  check: () => import('./check.ts'),
  scan: () => import('./scan.ts'),
  policy: () => import('./policy.ts'),
  demo: () => import('./demo.ts'),
};

const help = `
Start here:
  $ narthex demo --once            a gatekeeper, a proxy and a conversation on this machine
  $ narthex check narthex.yaml     is this configuration right?
  $ narthex serve narthex.yaml     run the proxy
  $ narthex scan recording.xml     what does the proxy make of these bytes?

Exit codes: 0 done, 64 wrong usage, 66 no input, 69 unavailable, 74 input or output failed, 78 wrong configuration.`;

async function main(args: readonly string[]): Promise<void> {
  const program = new Command('narthex')
    .description('Intermediary metadata proxy for messaging interoperability (XMPP).')
    .addHelpText('after', help)
    .showHelpAfterError('(narthex --help shows the commands)')
    .exitOverride();
  const asked = subcommands[args[0] ?? ''];
  for (const load of asked === undefined ? Object.values(subcommands) : [asked])
    (await load()).register(program);
  for (const command of program.commands) command.exitOverride();
  await program.parseAsync(args, { from: 'user' });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else process.exitCode = report(error);
}
