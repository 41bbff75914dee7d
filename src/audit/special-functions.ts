/** Special functions of the estimates, to about twelve digits. */

const euler = 0.577_215_664_901_532_9;

/** Returns the digamma function of a positive number: recurrence up to 10, then the asymptotic series (Abramowitz and
 *  Stegun 6.3.5, 6.3.18). */
export function digamma(x: number): number {
  let at = x;
  let result = 0;
  for (; at < 10; at += 1) result -= 1 / at;
  const square = 1 / (at * at);
  const series =
    square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))));
  return result + Math.log(at) - 1 / (2 * at) - series;
}

/** Returns e^x·E1(x) for a positive number, where E1 is the exponential integral (Abramowitz and Stegun 5.1.11,
 *  5.1.22). */
export function scaledExponentialIntegral(x: number): number {
  if (x < 1) {
    let sum = -euler - Math.log(x);
    let term = -1;
    for (let k = 1; k < 30; k += 1) {
      term *= -x / k;
      sum += term / k;
    }
    return Math.exp(x) * sum;
  }
  // The continued fraction by the modified algorithm of Lentz.
  let b = x + 1;
  let c = 1 / Number.MIN_VALUE ** 0.5;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 500; i += 1) {
    const an = -i * i;
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < 1e-14) break;
  }
  return h;
}

/** Returns the natural logarithm of the gamma function of a positive number (Stirling's series after a shift). */
function logGamma(x: number): number {
  let at = x;
  let shift = 0;
  for (; at < 10; at += 1) shift -= Math.log(at);
  const square = 1 / (at * at);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / at;
  return shift + (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series;
}

/** Returns the regularised incomplete beta function I_x(a, b): the continued fraction of Abramowitz and Stegun
 *  26.5.8. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 1_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    h *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < 1e-13) break;
  }
  return (front * h) / a;
}

/** Returns the interval of Clopper and Pearson (1934) for a share: it holds with at least the confidence, for every
 *  number of observations.
 *  @param risk of each side, such as 0.025 */
export function shareInterval(
  seen: number,
  total: number,
  risk: number,
): { readonly low: number; readonly high: number } {
  return {
    low: seen === 0 ? 0 : betaQuantile(risk, seen, total - seen + 1),
    high: seen === total ? 1 : betaQuantile(1 - risk, seen + 1, total - seen),
  };
}

/** Returns the quantile of a beta distribution by bisection, on a logarithmic scale because it may be tiny. */
function betaQuantile(probability: number, a: number, b: number): number {
  let low = -700;
  let high = 0;
  for (let i = 0; i < 80; i += 1) {
    const middle = (low + high) / 2;
    if (incompleteBeta(Math.exp(middle), a, b) < probability) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
