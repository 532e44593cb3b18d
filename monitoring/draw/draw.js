// Draws the dashboards in a headless Chromium; see README.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

const { values: options } = parseArgs({ options: {
  prometheus: { type: 'string', default: 'http://localhost:9090' },
  minutes: { type: 'string', default: '15' }, // shown, until now
  scrape: { type: 'string', default: '5' }, // scrape interval, seconds
  instance: { type: 'string', default: 'prod-feed-cluster' }, // the instance dashboard's, by name
  out: { type: 'string', default: path.join(import.meta.dirname, '../../docs/images') },
  chromium: { type: 'string', default: '/usr/bin/chromium' },
  deuteranopia: { type: 'boolean', default: false }, // as people see them who have no green cones
} });

const width = 1366; // a laptop's
const root = import.meta.dirname;
const profile = mkdtempSync(path.join(tmpdir(), 'draw-'));
mkdirSync(options.out, { recursive: true });
await build({ root });
const server = await preview({ root, preview: { host: '127.0.0.1', port: 0 } });
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: options.chromium, viewport: { width, height: 900 }, timezoneId: 'UTC',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-web-security'],
});
let failed = false;
try {
  const to = Date.now() - 10_000;
  for (const dashboard of ['fleet', 'instance']) {
    const page = await browser.newPage();
    page.on('pageerror', (error) => { failed = true; console.error(`${dashboard}: ${error.stack}`); });
    page.on('console', (message) => { if (message.type() === 'error') console.error(`${dashboard}: ${message.text()}`); });
    if (options.deuteranopia) {
      const session = await browser.newCDPSession(page);
      await session.send('Emulation.setEmulatedVisionDeficiency', { type: 'deuteranopia' });
    }
    const parameters = new URLSearchParams({ dashboard, prometheus: options.prometheus, from: to - options.minutes * 60_000, to, scrape: options.scrape });
    if (dashboard === 'instance') parameters.set('var-instance', options.instance);
    await page.goto(`${server.resolvedUrls.local[0]}?${parameters}`);
    await page.waitForFunction('window.drawn || window.failed');
    const failure = await page.evaluate('window.failed');
    if (failure) {
      throw new Error(`${dashboard}: ${failure}`);
    }
    await page.waitForLoadState('networkidle');
    const height = await page.evaluate('document.documentElement.scrollHeight');
    await page.setViewportSize({ width, height });
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestIdleCallback(done)))'); // charts are drawn after the layout
    const file = path.join(options.out, `${dashboard}.png`);
    await page.screenshot({ path: file });
    execFileSync('pngquant', ['--force', '--ext', '.png', '256', file]);
    console.log(file, `${width}x${height}`);
    for (const [panel, links] of Object.entries(await page.evaluate('window.links'))) {
      console.log(`  ${panel}: ${[...new Set(links)].join('\n    ')}`);
    }
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
