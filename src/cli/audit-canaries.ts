/** `narthex audit canaries`: a unique value in every field through a real proxy, and where each of them is found. */
import { type Command, Option } from 'commander';
import { runEmbeddedCanaries } from '../app/canaries/embedded.ts';
import { canariesJson, canariesText } from '../canaries/render.ts';
import { exitCodes } from '../errors/exit.ts';
import { report } from './report.ts';

interface CanariesOptions {
  readonly policy: string;
  readonly expect?: string;
  readonly format: 'text' | 'json';
}

const help = `
Starts a gatekeeper, a provider and a proxy on loopback, as \`narthex demo\` does, and sends a unique value in every field of
the catalogue, in every direction that the field has. Then each value is searched for, plain and in the forms that it could
take, in what every other party received, in everything that the proxy recorded, and in its memory.
docs/canaries.md explains each place.

Examples:
  $ narthex audit canaries                        # under balanced
  $ narthex audit canaries --policy ours.yaml --format json
  $ narthex audit canaries --policy passthrough --expect strict   # what strict would hide: leaks

Exit codes: 0 no leak, 1 a leak (ERR_CANARY_LEAK), 65 the policy is wrong, 66 no such policy, 69 a party does not start.`;

/** Adds the subcommand to \`audit\`. */
export function registerCanaries(audit: Command): void {
  audit
    .command('canaries')
    .summary('send a unique value in every field, and search every place for it')
    .description('Sends a unique value in every field through a proxy, and searches every place for it.')
    .option('--policy <policy>', 'a shipped policy or a file that the proxy runs under', 'balanced')
    .option('--expect <policy>', 'compare with this policy in place of the one in force')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(canaries);
}

function printStep(step: string): void {
  process.stderr.write(`${step} …\n`);
}

async function canaries({ policy, expect: expected, format }: CanariesOptions): Promise<void> {
  const found = await runEmbeddedCanaries({ policy, expected, onStep: printStep });
  const policies = { policy, expected: expected ?? policy };
  process.stdout.write(
    format === 'json' ? `${canariesJson(found, policies)}\n` : canariesText(found, policies),
  );
  const { leaks } = found;
  if (leaks.length === 0) return;
  const fields = new Set(leaks.map(({ sighting }) => sighting.canary.field.name));
  const message = `${leaks.length} values of ${fields.size} fields are where they must not be`;
  report({ severity: 'error', code: 'ERR_CANARY_LEAK', message }, process.stderr);
  process.exitCode = exitCodes.negative;
}
