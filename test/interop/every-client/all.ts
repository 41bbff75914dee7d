/** Which cells there are, and how many are run at the same time. */
import type { ServerKind } from '../../peers/servers.ts';
import { tableClients } from '../../peers/table/clients.ts';
import { Random } from '../../support/random.ts';
import { policies } from '../what-works/reasons.ts';
import { runCell, type Cell, type Explained } from './cells.ts';
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

/** Runs cells, `atOnce` of them at the same time, each server started once. */
export async function runCells(
  cells: readonly Cell[],
  atOnce: number,
  progress: (done: number) => void = () => {},
): Promise<Result[]> {
  const places = new Map<ServerKind, Promise<Place>>();
  const placeOf = (kind: ServerKind): Promise<Place> => {
    const place = places.get(kind) ?? openPlace(kind);
    places.set(kind, place);
    return place;
  };
  const results: Result[] = [];
  const waiting = cells.values();
  const work = async (): Promise<void> => {
    // The workers share one iterator: each takes the next cell.
    for (const cell of waiting) {
      results.push({ cell, ...(await runCellAt(placeOf(cell.server), cell)) });
      progress(results.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    for (const place of places.values()) await (await place).close();
  }
  return results;
}

async function runCellAt(place: Promise<Place>, cell: Cell): Promise<Omit<Result, 'cell'>> {
  try {
    return { findings: await runCell(await place, cell) };
  } catch (error) {
    return { findings: [], error: String(error) };
  }
}
