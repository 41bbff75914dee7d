/** Which action was it, by sizes and gaps alone? The five nearest neighbours decide, after each feature was divided by
 *  its spread. Judged by cross-validation: a sample is decided by those of the other nine tenths. */

/** What an observer of a connection has of one action, and the truth. */
export interface Sample {
  readonly action: string;
  /** One number each; undefined where the action left no trace. */
  readonly features: readonly number[] | undefined;
}

const neighbours = 5;
const folds = 10;

/** How well actions are recognised. Shares of all samples. */
export interface Recognition {
  readonly samples: number;
  /** Samples that leave a trace. */
  readonly traced: number;
  /** Samples whose action is recognised. One without a trace is not. */
  readonly recognised: number;
  /** Those that are right when the most frequent action is always named. */
  readonly baseline: number;
  /** Of the samples of each action, those that are recognised. */
  readonly byAction: ReadonlyMap<string, number>;
}

export function recognitionOf(samples: readonly Sample[]): Recognition {
  const traced = samples.filter(hasTrace);
  const scaled = scale(traced);
  const right = scaled.filter((sample, index) => {
    const others = scaled.filter((_, other) => other % folds !== index % folds);
    return nearest(sample.features, others) === sample.action;
  });
  const counts = Map.groupBy(samples, ({ action }) => action);
  const most = Math.max(0, ...[...counts.values()].map(({ length }) => length));
  const share = (count: number): number => (samples.length === 0 ? 0 : count / samples.length);
  return {
    samples: samples.length,
    traced: share(traced.length),
    recognised: share(right.length),
    baseline: share(most),
    byAction: new Map(
      [...counts].map(([action, { length }]) => [
        action,
        right.filter((each) => each.action === action).length / length,
      ]),
    ),
  };
}

interface Traced extends Sample {
  readonly features: readonly number[];
}

function hasTrace(sample: Sample): sample is Traced {
  return sample.features !== undefined;
}

/** Divides each feature by its standard deviation. */
function scale(samples: readonly Traced[]): readonly Traced[] {
  const width = samples[0]?.features.length ?? 0;
  const spreads = Array.from({ length: width }, (_, column) => {
    const values = samples.map(({ features }) => features[column]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return Math.sqrt(variance) || 1;
  });
  return samples.map(({ action, features }) => ({
    action,
    features: features.map((value, column) => value / spreads[column]!),
  }));
}

/** Returns the action of most of the nearest samples; of several, the one with the nearest sample. */
function nearest(features: readonly number[], samples: readonly Traced[]): string | undefined {
  const close = samples
    .map((sample) => ({ action: sample.action, distance: distance(features, sample.features) }))
    .toSorted((one, other) => one.distance - other.distance)
    .slice(0, neighbours);
  let best: string | undefined;
  let most = 0;
  for (const { action } of close) {
    const votes = close.filter((each) => each.action === action).length;
    if (votes > most) {
      best = action;
      most = votes;
    }
  }
  return best;
}

function distance(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, index) => sum + (value - other[index]!) ** 2, 0);
}
