// Queries a Prometheus as Grafana's data source does, and gives its answers
// as data frames.
import { createDataFrame, dateTime, FieldType, rangeUtil } from '@grafana/data';

// Milliseconds from one point of a graph to the next: as many points as pixels,
// but not below the least step of the query or panel, or the scrape interval.
// Rates are taken over rate milliseconds ($__rate_interval).
function steps({ from, to }, width, least) {
  const step = rangeUtil.calculateInterval({ from: dateTime(from), to: dateTime(to) }, width, `${least}ms`).intervalMs;
  return { step, rate: Math.max(step + least, 4 * least) };
}

async function ask(url, path, parameters) {
  const answer = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
  const { status, error, data, warnings = [], infos = [] } = await answer.json();
  if (status !== 'success' || warnings.length + infos.length > 0) {
    throw new Error(`${parameters.query}: ${[error, ...warnings, ...infos].join('; ')}`);
  }
  return data.result;
}

export const instant = (url, query, at) => ask(url, 'query', { query, time: at / 1000 });

const legend = (target, labels) => target.legendFormat
  ? target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '')
  : undefined;

// A table: a field for the time, one for each label, one for the value.
function table(target, result, several) {
  if (result.length === 0) {
    return createDataFrame({ refId: target.refId, fields: [] });
  }
  const labels = [...new Set(result.flatMap((row) => Object.keys(row.metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((row) => row.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, values: result.map((row) => row.metric[name] ?? '') })),
      { name: several ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: result.map((row) => Number(row.value[1])) },
    ],
  });
}

// Graphs: a frame for each series, null where it has no point.
function graphs(target, result, from, to, step) {
  const times = [];
  for (let t = from; t <= to; t += step) {
    times.push(t);
  }
  return result.map(({ metric, values }) => {
    const at = new Map(values.map(([t, v]) => [Math.round(t * 1000), Number(v)]));
    return createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: times, config: { interval: step } },
        {
          name: 'Value', type: FieldType.number, labels: metric,
          values: times.map((t) => (Number.isFinite(at.get(t)) ? at.get(t) : null)),
          config: { displayNameFromDS: legend(target, metric) },
        },
      ],
    });
  });
}

// Buckets, from the lowest bound up, with the sessions of each alone.
function buckets(frames) {
  const bound = (frame) => Number(frame.fields[1].labels.le.replace('+Inf', 'Infinity'));
  const sorted = frames.toSorted((a, b) => bound(a) - bound(b));
  return sorted.map((frame, i) => createDataFrame({
    ...frame,
    fields: [frame.fields[0], {
      ...frame.fields[1],
      values: frame.fields[1].values.map((v, k) => (v === null || i === 0 ? v : v - (sorted[i - 1].fields[1].values[k] ?? 0))),
    }],
  }));
}

// Runs the queries of a panel (its width in pixels) for a range of time, in
// milliseconds; scrape is the scrape interval in seconds. Gives their frames.
export async function query(url, panel, replace, { from, to, scrape, width }) {
  const frames = await Promise.all(panel.targets.map(async (target) => {
    const least = target.interval ?? panel.interval;
    const { step, rate } = steps({ from, to }, width, least ? rangeUtil.intervalToMs(least) : scrape * 1000);
    const expr = replace(target.expr.replaceAll('$__rate_interval', `${rate}ms`));
    if (target.format === 'table') {
      return table(target, await instant(url, expr, to), panel.targets.length > 1);
    }
    if (target.instant) {
      const result = await instant(url, expr, to);
      return graphs(target, result.map((row) => ({ ...row, values: [row.value] })), to, to, step);
    }
    const first = Math.ceil(from / step) * step, last = Math.floor(to / step) * step;
    const result = await ask(url, 'query_range', { query: expr, start: first / 1000, end: last / 1000, step: step / 1000 });
    const found = graphs(target, result, first, last, step);
    return target.format === 'heatmap' ? buckets(found) : found;
  }));
  return frames.flat();
}
