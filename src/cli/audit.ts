/** `narthex audit`: what can be learned from a proxy, measured. */
import type { Command } from 'commander';
import { registerCanaries } from './audit-canaries.ts';
import { registerRecording } from './audit-recording.ts';

/** Adds the command and its subcommands. */
export function register(program: Command): void {
  const audit = program
    .command('audit')
    .summary('measure what is learned from what a proxy lets through')
    .description('Measures what is learned from what a proxy lets through.');
  registerRecording(audit);
  registerCanaries(audit);
}
