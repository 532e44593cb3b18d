// Draws the dashboard that the address names, on a Prometheus' data:
// ?dashboard=fleet&prometheus=URL&from=MS&to=MS&scrape=SECONDS&var-NAME=TEXT
import { createTheme, dateTime, EventBusSrv, getFieldDisplayValues, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { BigValue, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { createRoot } from 'react-dom/client';

import { prepare } from './frames.js';
import { Heatmap } from './heatmap.jsx';
import { query } from './prometheus.js';
import { replace, resolve } from './variables.js';

const dashboards = import.meta.glob('../../dashboards/*.json', { eager: true, import: 'default' });
const address = new URLSearchParams(location.search);
const url = address.get('prometheus');
const range = { from: Number(address.get('from')), to: Number(address.get('to')) };
const scrape = Number(address.get('scrape'));
const theme = createTheme({ colors: { mode: 'dark' } });

// Grafana's grid: 24 columns, rows of 30 px, 8 px apart; margins of the page.
const columns = 24, rowHeight = 30, gap = 8, margin = 16;
const unit = (window.innerWidth - 2 * margin + gap) / columns;
const place = ({ x, y, w, h }) => ({ left: margin + x * unit, top: y * (rowHeight + gap), width: w * unit - gap, height: h * (rowHeight + gap) - gap });

const timeRange = { from: dateTime(range.from), to: dateTime(range.to), raw: { from: dateTime(range.from), to: dateTime(range.to) } };
const context = { eventBus: new EventBusSrv(), app: 'dashboard' };

function Empty({ panel, width, height }) {
  const style = { width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', textAlign: 'center', color: theme.colors.text.secondary };
  return <div style={style}>{panel.fieldConfig.defaults.noValue}</div>;
}

function Visualization({ panel, frames, width, height, replaceVariables }) {
  const { options } = panel;
  const empty = frames.every((frame) => frame.length === 0);
  if (empty && panel.type !== 'stat') {
    return <Empty panel={panel} width={width} height={height} />;
  }
  switch (panel.type) {
    case 'timeseries':
      return <TimeSeries frames={frames} width={width} height={height} timeRange={timeRange} timeZone="utc" legend={options.legend} structureRev={1} />;
    case 'table':
      return <TableNG data={frames[0]} width={width} height={height} noValue={panel.fieldConfig.defaults.noValue} cellHeight={options.cellHeight} sortBy={options.sortBy} fieldConfig={panel.fieldConfig} structureRev={1} enableVirtualization={false} />;
    case 'heatmap':
      return <Heatmap frames={frames} options={options} width={width} height={height} theme={theme} range={range} />;
    case 'stat': {
      const [value] = getFieldDisplayValues({ data: frames, fieldConfig: panel.fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, timeZone: 'utc' });
      return <BigValue value={{ ...value.display, title: undefined }} colorMode={options.colorMode} graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={options.textMode} theme={theme} width={width} height={height} />;
    }
    default:
      throw new Error(`${panel.title}: this script does not draw a ${panel.type}`);
  }
}

function Panel({ panel, frames, replaceVariables }) {
  const { left, top, width, height } = place(panel.gridPos);
  const style = { position: 'absolute', left, top, width, height };
  if (panel.type === 'row') {
    return <div style={{ ...style, fontSize: 16, fontWeight: 500, lineHeight: '30px' }}>{`⌄ ${panel.title}`}</div>;
  }
  return (
    <div style={style}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(w, h) => <Visualization panel={panel} frames={frames} width={w} height={h} replaceVariables={replaceVariables} />}
      </PanelChrome>
    </div>
  );
}

function Page({ dashboard, variables, drawn }) {
  const label = { background: theme.colors.background.secondary, border: `1px solid ${theme.colors.border.weak}`, padding: '4px 8px', borderRadius: 2 };
  const shown = dashboard.templating.list.filter((variable) => variable.hide !== 2);
  const height = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (rowHeight + gap);
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <div style={{ padding: margin, paddingBottom: 8, display: 'flex', gap: 8, alignItems: 'center', fontSize: 12 }}>
          <span style={{ fontSize: 16, fontWeight: 500, marginRight: 16 }}>{dashboard.title}</span>
          {shown.map(({ name, label: text }) => <span key={name} style={label}><b>{text}</b>{` ${variables[name].text}`}</span>)}
          <span style={{ marginLeft: 'auto' }}>{dashboard.links.map((link) => <a key={link.title} href={replace(link.url, variables)} style={label}>{link.title}</a>)}</span>
        </div>
        <div style={{ position: 'relative', height }}>{drawn.map((props) => <Panel key={props.panel.id} {...props} />)}</div>
      </PanelContextProvider>
    </ThemeContext.Provider>
  );
}

// Folded rows are drawn as if somebody had opened them all: what is in them, and
// what is below them, moves down.
function unfold(dashboard) {
  let down = 0;
  const panels = dashboard.panels.flatMap((panel) => {
    const move = (p) => ({ ...p, gridPos: { ...p.gridPos, y: p.gridPos.y + down } });
    const moved = [move(panel), ...(panel.panels ?? []).map(move)];
    if (panel.panels) {
      down += Math.max(...panel.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) - panel.gridPos.y - panel.gridPos.h;
    }
    return moved;
  });
  return { ...dashboard, panels };
}

// The links of the first row of a table: where they lead to.
function links(frames) {
  return frames.flatMap((frame) => frame.fields.flatMap((field) => (frame.length ? field.getLinks({ valueRowIndex: 0 }) : []))).map((link) => link.href);
}

async function main() {
  await initPluginTranslations('draw');
  const dashboard = unfold(dashboards[`../../dashboards/${address.get('dashboard')}.json`]);
  const chosen = Object.fromEntries([...address].filter(([name]) => name.startsWith('var-')).map(([name, text]) => [name.slice(4), text]));
  const variables = await resolve(dashboard, url, chosen, range.to);
  const drawn = await Promise.all(dashboard.panels.map(async (panel) => {
    if (panel.type === 'row') {
      return { panel, frames: [] };
    }
    const replaceVariables = (text, scoped) => replace(text, { ...variables, __url_time_range: { value: `from=${range.from}&to=${range.to}` } }, scoped);
    const found = await query(url, panel, replaceVariables, { ...range, scrape, width: Math.floor(place(panel.gridPos).width) });
    const frames = await prepare(found, panel, theme, replaceVariables);
    return { panel, frames, replaceVariables };
  }));
  window.links = Object.fromEntries(drawn.filter(({ panel }) => panel.type === 'table').map(({ panel, frames }) => [panel.title, links(frames)]));
  createRoot(document.getElementById('page')).render(<Page dashboard={dashboard} variables={variables} drawn={drawn} />);
}

main().then(() => { window.drawn = true; }, (error) => { window.failed = `${error.stack}`; });
