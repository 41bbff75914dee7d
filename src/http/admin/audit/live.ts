/** Runs in the browser, as /audit/live.js. Reads the page again every few seconds and replaces what has changed, filters
 *  the rows, and keeps the theme. It imports nothing; what it uses of the browser is declared here. */
interface Element {
  readonly id: string;
  readonly dataset: Record<string, string | undefined>;
  readonly outerHTML: string;
  hidden: boolean;
  textContent: string | null;
  replaceWith(other: unknown): void;
  addEventListener(type: string, listener: (event: { readonly key: string }) => void): void;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selectors: string): Iterable<Element>;
}

interface Field extends Element {
  readonly value: string;
  readonly checked: boolean;
}

interface Page {
  readonly documentElement: Element;
  readonly visibilityState: string;
  getElementById(id: string): Element | null;
  querySelectorAll(selectors: string): Iterable<Element>;
  importNode(node: Element, deep: boolean): unknown;
  addEventListener(type: string, listener: () => void): void;
}

declare const document: Page;
declare const location: { readonly href: string; reload(): void };
declare const DOMParser: new () => { parseFromString(text: string, type: string): Page };
declare const localStorage: {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
};

/** Milliseconds between two readings; twice as many after each that failed, up to the longest. */
const interval = { usual: 5_000, longest: 60_000 };
const readTimeoutMs = 10_000;

const themes = ['system', 'light', 'dark'] as const;
let theme = themes.find((each) => each === localStorage.getItem('theme')) ?? 'system';
applyTheme();
document.addEventListener('DOMContentLoaded', start);

function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme;
}

function start(): void {
  const [filter, occurred] = ['filter', 'occurred'].map((id) => document.getElementById(id) as Field);
  const [pause, themed] = ['pause', 'theme'].map((id) => document.getElementById(id)!);
  for (const id of ['tools', 'pause', 'theme']) document.getElementById(id)!.hidden = false;
  const showTheme = (): void => {
    themed!.textContent = `Theme: ${theme}`;
  };
  showTheme();
  themed!.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length]!;
    localStorage.setItem('theme', theme);
    applyTheme();
    showTheme();
  });
  for (const input of [filter!, occurred!])
    input.addEventListener('input', () => filterRows(filter!, occurred!));
  let paused = false;
  pause!.addEventListener('click', () => {
    paused = !paused;
    pause!.setAttribute('aria-pressed', String(paused));
    pause!.textContent = paused ? 'Paused' : 'Pause';
  });
  void follow(
    () => paused || document.visibilityState === 'hidden',
    () => filterRows(filter!, occurred!),
  );
}

/** Reads the page again and again.
 *  @param rests whether nothing is to be read now
 *  @param changed called after a reading */
async function follow(rests: () => boolean, changed: () => void): Promise<never> {
  for (let wait = interval.usual; ;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (rests()) continue;
    const failed = await read();
    const trouble = failed ? 'Not live: the proxy does not answer.' : '';
    const place = document.getElementById('trouble')!;
    if (place.textContent !== trouble) place.textContent = trouble;
    wait = failed ? Math.min(2 * wait, interval.longest) : interval.usual;
    if (!failed) changed();
  }
}

/** Reads the page and replaces what has changed.
 *  @returns whether it could not be read */
async function read(): Promise<boolean> {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(readTimeoutMs) });
    if (!answer.ok) return true;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    // Another process may have other fields.
    if (page.documentElement.dataset['started'] !== document.documentElement.dataset['started'])
      location.reload();
    for (const part of document.querySelectorAll('[data-live]')) {
      const now = page.getElementById(part.id);
      if (now !== null && now.outerHTML !== part.outerHTML) part.replaceWith(document.importNode(now, true));
    }
    return false;
  } catch {
    return true;
  }
}

/** Hides the rows that lack a word of the filter, and groups without rows. */
function filterRows(filter: Field, occurred: Field): void {
  const words = filter.value.toLowerCase().split(/\s+/);
  let matches = 0;
  for (const group of document.querySelectorAll('.matrix tbody')) {
    let inGroup = 0;
    for (const row of group.querySelectorAll('tr.field')) {
      const isCounted = !occurred.checked || [...row.querySelectorAll('data')].length > 0;
      row.hidden = !isCounted || !words.every((word) => row.dataset['words']!.includes(word));
      if (!row.hidden) inGroup += 1;
    }
    group.hidden = inGroup === 0;
    matches += inGroup;
  }
  const place = document.getElementById('matches')!;
  const text = matches === 1 ? '1 field' : `${matches} fields`;
  if (place.textContent !== text) place.textContent = text;
}

export {};
