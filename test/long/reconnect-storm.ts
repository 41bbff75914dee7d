/** All clients of a process come back at once: what the pipe takes for that, and what the proxy takes, in turns. */
import type { Contender } from '../bench/contenders.ts';
import type { OpeningResult } from '../bench/load.ts';
import { median } from '../bench/statistics.ts';
import { LoadStage } from './support/load-stage.ts';
import type { LongRun, LongRunRequest, LongRunResult } from './long-run.ts';

/** Part of the clients that are on their way at once: the others wait in front of the listener, as behind a balancer. */
const concurrentPart = 0.1;
const roundsByDefault = 3;
const ratioAim = 1.3;
const waitAim = 0.5;

export const longRun: LongRun = {
  name: 'reconnect-storm',
  summary: 'clients that all come back at once over TLS, through the pipe and through the proxy in turns',
  unit: 'clients',
  count: 5_000,
  run: (request) => runStorm(request),
};

/** Cuts all sessions and brings them up again, `rounds` times through each. A client that does not come back ends the
 *  run with an error. */
export async function runStorm(
  { count, progress }: Pick<LongRunRequest, 'count' | 'progress'>,
  rounds = roundsByDefault,
): Promise<LongRunResult> {
  await using stage = await LoadStage.start();
  const contenders = [await stage.pipe(), await stage.narthex()];
  const results = new Map(contenders.map((contender): [Contender, OpeningResult[]] => [contender, []]));
  const concurrency = Math.ceil(count * concurrentPart);
  for (const [set, { port }] of contenders.entries()) await stage.load.open(set, port, count, concurrency);
  for (let round = 0; round < rounds; round += 1) {
    const turns = [...contenders.entries()];
    for (const [set, contender] of round % 2 === 0 ? turns : turns.toReversed()) {
      await stage.load.close(set);
      results.get(contender)!.push(await stage.load.open(set, contender.port, count, concurrency));
    }
    progress(Math.floor(((round + 1) * count) / rounds));
  }
  const [pipe, narthex] = contenders.map((contender) => results.get(contender)!) as [
    OpeningResult[],
    OpeningResult[],
  ];
  const ratios = narthex.map(({ elapsedMs }, round) => elapsedMs / pipe[round]!.elapsedMs);
  const waits = narthex.map(({ longestMs }, round) => longestMs / pipe[round]!.elapsedMs);
  return {
    figures: {
      'on their way at once': concurrency,
      'pipe, in s': inSeconds(pipe),
      'narthex, in s': inSeconds(narthex),
      'ratio, median': withAim(median(ratios), ratioAim),
      'longest wait of one client, part of the time of the pipe': withAim(Math.max(...waits), waitAim),
    },
    failures: [],
  };
}

function inSeconds(results: readonly OpeningResult[]): string {
  return results.map(({ elapsedMs }) => (elapsedMs / 1_000).toFixed(2)).join(', ');
}

function withAim(figure: number, aim: number): string {
  return `${figure.toFixed(2)} (aim ${aim}: ${figure <= aim ? 'met' : 'missed'})`;
}
