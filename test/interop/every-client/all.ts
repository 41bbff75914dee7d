/** Which cells there are, and how many are run at the same time. */
import type { ServerKind } from '../../peers/servers.ts';
import { tableClients } from '../../peers/table/clients.ts';
import { inTurns } from '../../support/in-turns.ts';
import { Random } from '../../support/random.ts';
import { policies } from '../what-works/reasons.ts';
import { explain, throughProxy, type Cell, type Explained } from './cells.ts';
import { openPlace, tableServers, type Place } from './place.ts';

export interface Result {
  readonly cell: Cell;
  readonly findings: readonly Explained[];
  /** Why the cell could not be run. */
  readonly error?: string;
}

export function allCells(): Cell[] {
  return tableServers.flatMap((server) =>
    tableClients.flatMap((client) =>
      client.transports.flatMap((transport) =>
        policies.map((policy) => ({ server, client, transport, policy })),
      ),
    ),
  );
}

/** Draws cells by seed, of clients and at servers that were not drawn before, as long as there are such. */
export function someCells(count: number, seed: number): Cell[] {
  const random = new Random(seed);
  const left = allCells();
  const drawn: Cell[] = [];
  while (drawn.length < count && left.length > 0) {
    const news = left.filter(({ client }) => drawn.every((each) => each.client !== client));
    const newPlaces = news.filter(({ server }) => drawn.every((each) => each.server !== server));
    const cell = random.pick([newPlaces, news, left].find((some) => some.length > 0)!);
    drawn.push(...left.splice(left.indexOf(cell), 1));
  }
  return drawn;
}

/** A cell is run three times at most, and its contact may have to log in more than once. */
const pairsEach = 9;
/** Of some hundred cells at a server, few are run more than once. */
const pairsMax = 250;

/** Number of cells that are explained at the same time: few, since some may have failed because so many ran. */
const explainedAtOnce = 2;

/** Takes the steps of cells, `atOnce` of them at the same time, and explains afterwards what did not work. Each server is
 *  started once. */
export async function runCells(
  cells: readonly Cell[],
  atOnce: number,
  progress: (done: number) => void = () => {},
): Promise<Result[]> {
  const places = new Map<ServerKind, Promise<Place>>();
  const placeOf = ({ server }: Cell): Promise<Place> => {
    const place = places.get(server) ?? openPlace(server, Math.min(pairsMax, pairsEach * cells.length));
    places.set(server, place);
    // The next cell there tries again: a server may take longer to start than it is given, on a machine under load.
    place.catch(() => places.delete(server));
    return place;
  };
  let done = 0;
  try {
    const taken = await inTurns(cells, atOnce, async (cell) => {
      const findings = await placeOf(cell)
        .then((place) => throughProxy(place, cell))
        .catch(() => undefined);
      progress((done += 1));
      return { cell, findings };
    });
    return await inTurns(taken, explainedAtOnce, async ({ cell, findings }) => {
      try {
        const place = await placeOf(cell);
        return { cell, findings: await explain(place, cell, findings ?? (await throughProxy(place, cell))) };
      } catch (error) {
        return { cell, findings: [], error: String(error) };
      }
    });
  } finally {
    for (const place of places.values()) await (await place).close();
  }
}
