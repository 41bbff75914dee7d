/** The style of the page. Colours are a tone for each form of a field, mixed into the surface in five steps; no meaning
 *  depends on colour alone, since each form has a sign and its words. */
const css = String.raw;

/** What the dark theme changes, whether the system asks for it or the reader has chosen it. */
const dark = css`
  color-scheme: dark;
  --paper: #131318;
  --surface: #1b1b22;
  --ink: #eceaf2;
  --muted: #a5a2b3;
  --line: #32313c;
  --focus: #8ab4ff;
  --alarm: #ff9d92;
  --on-alarm: #2b0704;
  --good: #7fd6a2;
  --soon: #f0b866;
  --mix: 9.5%;
`;

export const style = css`
  :root {
    color-scheme: light;
    --paper: #f6f5f2;
    --surface: #ffffff;
    --ink: #1d1c22;
    --muted: #5c5a66;
    --line: #dedbd4;
    --focus: #1f5fbf;
    --shown: #e8731c;
    --reduced: #8a6fd1;
    --withheld: #3f8f83;
    --alarm: #a3150f;
    --on-alarm: #ffffff;
    --good: #1d6b3d;
    --soon: #865000;
    --mix: 8.5%;
  }
  @media (prefers-color-scheme: dark) {
    :root:not([data-theme='light']) {
      ${dark}
    }
  }
  :root[data-theme='dark'] {
    ${dark}
  }
  * {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  html {
    scroll-padding-top: 1rem;
  }
  body {
    margin: 0;
    background: var(--paper);
    color: var(--ink);
    font:
      15px/1.5 'Inter',
      system-ui,
      'Segoe UI',
      'Noto Sans',
      'DejaVu Sans',
      sans-serif;
    font-variant-numeric: tabular-nums;
  }
  header,
  main,
  footer {
    max-width: 84rem;
    margin: 0 auto;
    padding: 0 1.75rem;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    gap: 0.75rem 2rem;
    align-items: end;
    padding-top: 1.75rem;
  }
  h1 {
    margin: 0;
    font-size: 1.9rem;
    line-height: 1.15;
    letter-spacing: -0.022em;
    font-weight: 650;
  }
  h2 {
    margin: 0 0 0.25rem;
    font-size: 1.15rem;
    letter-spacing: -0.01em;
    font-weight: 650;
  }
  h3 {
    margin: 0;
    font-size: 1rem;
    font-weight: 650;
  }
  p {
    margin: 0;
  }
  code {
    font:
      0.9em/1.4 ui-monospace,
      'SF Mono',
      'Cascadia Mono',
      'DejaVu Sans Mono',
      monospace;
  }
  section,
  .block {
    margin-top: 2rem;
  }
  .eyebrow {
    font-size: 0.75rem;
    letter-spacing: 0.09em;
    text-transform: uppercase;
    color: var(--muted);
    font-weight: 600;
  }
  .note,
  .muted {
    color: var(--muted);
  }
  .note {
    max-width: 68ch;
  }
  .quiet {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .skip {
    position: absolute;
    left: 1rem;
    top: -4rem;
    background: var(--surface);
    color: var(--ink);
    padding: 0.5rem 1rem;
    border-radius: 0.5rem;
    z-index: 9;
  }
  .skip:focus {
    top: 1rem;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  nav ul {
    list-style: none;
    display: flex;
    flex-wrap: wrap;
    gap: 0.35rem;
    margin: 0;
    padding: 0;
  }
  nav a {
    display: block;
    padding: 0.3rem 0.8rem;
    border: 1px solid var(--line);
    border-radius: 99rem;
    color: var(--ink);
    text-decoration: none;
    background: var(--surface);
  }
  nav a:hover {
    border-color: var(--muted);
  }
  nav a[aria-current] {
    background: var(--ink);
    border-color: var(--ink);
    color: var(--paper);
  }
  .controls {
    margin-left: auto;
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    align-items: center;
    color: var(--muted);
    font-size: 0.875rem;
  }
  #trouble {
    color: var(--alarm);
    font-weight: 600;
  }
  button,
  input[type='search'] {
    font: inherit;
    color: var(--ink);
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 0.5rem;
    padding: 0.3rem 0.75rem;
  }
  button {
    cursor: pointer;
  }
  button:hover {
    border-color: var(--muted);
  }
  button[aria-pressed='true'] {
    border-color: var(--ink);
    font-weight: 600;
  }
  .alarm {
    margin-top: 1.25rem;
    padding: 0.9rem 1.25rem;
    border-radius: 0.75rem;
    background: var(--alarm);
    color: var(--on-alarm);
    font-size: 1.1rem;
  }
  .alarm strong {
    text-transform: uppercase;
    letter-spacing: 0.06em;
    margin-right: 0.6rem;
  }
  .facts {
    margin-top: 1.5rem;
  }
  #facts {
    display: grid;
    grid-template-columns: minmax(14rem, 1.2fr) minmax(14rem, 1fr) minmax(20rem, 1.6fr);
    gap: 1.5rem 2.5rem;
    align-items: center;
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 1rem;
    padding: 1.25rem 1.5rem;
  }
  .name {
    font-size: 1.5rem;
    font-weight: 650;
    letter-spacing: -0.015em;
    display: flex;
    flex-wrap: wrap;
    gap: 0.2rem 0.75rem;
    align-items: center;
    overflow-wrap: anywhere;
  }
  .chip {
    font-size: 0.8rem;
    letter-spacing: 0;
    font-weight: 650;
    padding: 0.1rem 0.65rem;
    border-radius: 99rem;
    border: 1.5px solid currentColor;
  }
  .chip.enforced {
    color: var(--good);
  }
  .chip.shadowed {
    background: var(--alarm);
    color: var(--on-alarm);
    border-color: var(--alarm);
  }
  #facts dl {
    margin: 0;
    font-size: 0.875rem;
  }
  #facts dl > div {
    display: flex;
    gap: 0.75rem;
  }
  #facts dt {
    color: var(--muted);
    min-width: 5.5rem;
  }
  #facts dd {
    margin: 0;
  }
  #facts .figures {
    display: grid;
    grid-template-columns: repeat(3, auto);
    gap: 1rem 1.5rem;
  }
  #facts .figures > div {
    display: flex;
    flex-direction: column-reverse;
    gap: 0;
    justify-content: flex-end;
  }
  .figures dd {
    font-size: 1.6rem;
    line-height: 1.2;
    font-weight: 600;
    letter-spacing: -0.02em;
  }
  .cards {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
    gap: 1rem;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 1rem;
    padding: 1.1rem 1.25rem;
  }
  .card h3 {
    font-size: 1.1rem;
  }
  .card .note,
  .key {
    font-size: 0.875rem;
  }
  .big {
    margin-top: 0.6rem;
    color: var(--muted);
  }
  .big b {
    font-size: 2.4rem;
    line-height: 1;
    letter-spacing: -0.03em;
    color: var(--ink);
    font-weight: 650;
    margin-right: 0.15rem;
  }
  .card svg {
    display: block;
    width: 100%;
    height: 0.8rem;
    border-radius: 99rem;
    margin: 0.7rem 0 0.6rem;
    background: var(--line);
  }
  rect.shown {
    fill: var(--shown);
  }
  rect.reduced {
    fill: var(--reduced);
  }
  rect.withheld {
    fill: color-mix(in srgb, var(--withheld) 45%, var(--surface));
  }
  .key {
    display: flex;
    flex-wrap: wrap;
    gap: 0 1rem;
  }
  .glyph.shown,
  .shown .glyph {
    color: var(--shown);
  }
  .glyph.reduced,
  .reduced .glyph {
    color: var(--reduced);
  }
  .glyph.withheld,
  .withheld .glyph {
    color: var(--withheld);
  }
  .legend,
  .legend ul {
    display: flex;
    flex-wrap: wrap;
    gap: 0.35rem 1.25rem;
    list-style: none;
    margin: 0;
    padding: 0;
    align-items: center;
    font-size: 0.875rem;
  }
  .legend {
    justify-content: space-between;
    margin: 0.75rem 0;
  }
  .legend .steps {
    gap: 0;
  }
  .steps li {
    padding: 0.1rem 0.7rem;
  }
  .steps li:first-child {
    border-radius: 99rem 0 0 99rem;
  }
  .steps li:last-child {
    border-radius: 0 99rem 99rem 0;
  }
  .tools {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem 1rem;
    align-items: center;
    margin-bottom: 0.75rem;
    font-size: 0.9rem;
  }
  .tools input[type='search'] {
    width: 22rem;
    max-width: 100%;
  }
  #matches {
    color: var(--muted);
    margin-left: auto;
  }
  .scroll {
    position: relative;
    overflow: auto;
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 1rem;
  }
  .scroll.tall {
    max-height: 85vh;
  }
  table {
    border-collapse: separate;
    border-spacing: 0;
    width: 100%;
    font-size: 0.875rem;
    line-height: 1.35;
  }
  th,
  td {
    text-align: left;
    vertical-align: top;
    padding: 0.45rem 0.9rem;
    border-bottom: 1px solid var(--line);
    overflow-wrap: break-word;
  }
  tbody:last-child tr:last-child > * {
    border-bottom: 0;
  }
  thead th {
    position: sticky;
    top: 0;
    z-index: 2;
    background: var(--surface);
    font-weight: 650;
    border-bottom: 1.5px solid var(--muted);
  }
  .number {
    text-align: right;
    white-space: nowrap;
  }
  .hash {
    overflow-wrap: anywhere;
  }
  .matrix th,
  .matrix td {
    overflow-wrap: anywhere;
  }
  .matrix {
    min-width: 60rem;
    table-layout: fixed;
  }
  .matrix thead th:first-child {
    width: 26%;
    left: 0;
    z-index: 3;
  }
  .matrix td {
    border-left: 2px solid var(--surface);
    border-bottom-color: var(--surface);
  }
  .matrix tbody th[scope='row'] {
    position: sticky;
    left: 0;
    z-index: 1;
    background: var(--surface);
    font-weight: 400;
  }
  .matrix tbody th code {
    font-weight: 600;
  }
  .title {
    display: block;
    color: var(--muted);
    font-size: 0.8rem;
  }
  .group th {
    position: sticky;
    top: 2.15rem;
    z-index: 2;
    background: var(--paper);
    text-transform: capitalize;
    font-weight: 650;
    padding-block: 0.35rem;
  }
  .shown {
    --tone: var(--shown);
  }
  .reduced {
    --tone: var(--reduced);
  }
  .withheld {
    --tone: var(--withheld);
  }
  .heat-0 {
    --step: 0.35;
  }
  .heat-1 {
    --step: 1.2;
  }
  .heat-2 {
    --step: 2;
  }
  .heat-3 {
    --step: 3;
  }
  .heat-4 {
    --step: 4;
  }
  .heat-5 {
    --step: 5.2;
  }
  [class*='heat-'] {
    background: color-mix(in srgb, var(--tone) calc(var(--step) * var(--mix)), var(--surface));
  }
  .matrix td.heat-0 .form {
    color: var(--muted);
  }
  .matrix td .glyph {
    color: inherit;
    opacity: 0.85;
  }
  .matrix td.absent {
    color: var(--muted);
    text-align: center;
  }
  .form {
    margin-right: 0.4rem;
  }
  .count {
    float: right;
    font-weight: 650;
  }
  .more {
    display: block;
    clear: both;
    font-size: 0.8rem;
    color: var(--ink);
  }
  .tables {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(36rem, 100%), 1fr));
    gap: 0 1.5rem;
    align-items: start;
  }
  .wide {
    grid-column: 1 / -1;
  }
  .tables .scroll {
    margin-top: 0.5rem;
    max-height: 26rem;
  }
  .empty {
    padding: 1.1rem 1.25rem;
    color: var(--muted);
  }
  .tables .scroll .note {
    padding: 0.45rem 0.9rem;
  }
  .state {
    font-weight: 600;
    white-space: nowrap;
  }
  .good {
    color: var(--good);
  }
  .soon {
    color: var(--soon);
  }
  .bad {
    color: var(--alarm);
  }
  footer {
    color: var(--muted);
    font-size: 0.875rem;
    padding-block: 2.5rem;
  }
  @media (max-width: 62rem) {
    #facts {
      grid-template-columns: 1fr;
    }
    .controls {
      margin-left: 0;
    }
  }
  @media print {
    .controls,
    .tools,
    .skip,
    nav {
      display: none;
    }
    .scroll.tall,
    .tables .scroll {
      max-height: none;
      overflow: visible;
    }
    thead th,
    .group th {
      position: static;
    }
  }
`;
