/** The page as one HTML document. Style and script are files of their own, so that nothing inline is allowed to run. */
import { html } from 'hono/html';
import { renderAlarms, renderAudiences, renderFacts } from './in-force.ts';
import { renderMatrix } from './matrix.ts';
import { renderTables } from './tables.ts';
import type { AuditView } from './view.ts';

export async function renderPage(view: AuditView): Promise<string> {
  const { exposure, gatekeeper } = view;
  const page = await html`<!doctype html>
    <html lang="en" data-started="${exposure.startedAt}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Exposure: ${gatekeeper} · Narthex</title>
        <link rel="icon" href="/audit/icon.svg" />
        <link rel="stylesheet" href="/audit/style.css" />
        <script type="module" src="/audit/live.js"></script>
      </head>
      <body>
        <a class="skip" href="#matrix-title">Skip to the matrix</a>
        <header>
          <div>
            <p class="eyebrow">Narthex</p>
            <h1>What each audience is shown</h1>
          </div>
          ${renderGatekeepers(view)}
          <div class="controls">
            <span id="at" class="live" data-live>as of ${exposure.at.slice(11, 19)} UTC</span>
            <span id="trouble" role="status"></span>
            <button type="button" id="pause" aria-pressed="false" hidden>Pause</button>
            <button type="button" id="theme" hidden>Theme: system</button>
          </div>
        </header>
        <main>
          ${renderAlarms(view)} ${renderFacts(view)} ${renderAudiences(view)} ${renderMatrix(view)}
          ${renderTables(view)}
        </main>
        <footer id="footer" data-live>
          <p>
            Counts, digests and names of the configuration only: no value, address or identifier of a user.
            Written ${exposure.at}. The same numbers: <code>GET /api/exposure</code>.
          </p>
        </footer>
      </body>
    </html>`;
  return String(page);
}

function renderGatekeepers({ gatekeeper, gatekeepers }: AuditView): ReturnType<typeof html> {
  return html`<nav aria-label="Gatekeepers">
    <ul>
      ${gatekeepers.map(
        (name) =>
          html`<li>
            ${
              name === gatekeeper
                ? html`<a href="?gatekeeper=${encodeURIComponent(name)}" aria-current="page">${name}</a>`
                : html`<a href="?gatekeeper=${encodeURIComponent(name)}">${name}</a>`
            }
          </li>`,
      )}
    </ul>
  </nav>`;
}
