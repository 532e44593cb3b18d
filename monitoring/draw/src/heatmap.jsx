// A heatmap of buckets. Grafana's own is no part of @grafana/ui: this one has
// its colours, scale and order of rows.
import { dateTimeFormat, formattedValueToString, getValueFormat } from '@grafana/data';
import { interpolateCividis, interpolateViridis } from 'd3-scale-chromatic';

const schemes = { Cividis: interpolateCividis, Viridis: interpolateViridis };
const left = 62, bottom = 20, scale = 26;

export function Heatmap({ frames, options, width, height, theme, range }) {
  const rows = frames.map((frame) => ({ bound: frame.fields[1].labels.le, values: frame.fields[1].values }));
  const times = frames[0].fields[0].values;
  const most = Math.max(1, ...rows.flatMap((row) => row.values));
  const colour = (v) => schemes[options.color.scheme](Math.pow(v / most, options.color.exponent));
  const step = times[1] - times[0];
  const x = (t) => left + ((t - range.from) / (range.to - range.from)) * (width - left);
  const h = (height - bottom - scale) / rows.length, w = Math.max(1, x(step) - x(0) - options.cellGap);
  const name = (bound) => (bound === '+Inf' ? '+Inf' : formattedValueToString(getValueFormat(options.yAxis.unit)(Number(bound))));
  const text = { fill: theme.colors.text.secondary, fontSize: 11, fontFamily: theme.typography.fontFamily };
  const ticks = Array.from({ length: 5 }, (_, i) => range.from + ((i + 0.5) * (range.to - range.from)) / 5);
  return (
    <svg width={width} height={height}>
      {rows.map((row, i) => (
        <g key={row.bound}>
          <text x={left - 6} y={height - bottom - scale - h * i} dy={3} textAnchor="end" style={text} visibility={i % 2 ? 'hidden' : 'visible'}>{i > 0 ? name(rows[i - 1].bound) : '0 s'}</text>
          {row.values.map((v, k) => (v > (options.filterValues?.le ?? 0)
            ? <rect key={times[k]} x={Math.max(left, x(times[k]) - w)} y={height - bottom - scale - h * (i + 1)} width={w} height={h - options.cellGap} fill={colour(v)} />
            : null))}
        </g>
      ))}
      {ticks.map((t) => <text key={t} x={x(t)} y={height - scale - 6} textAnchor="middle" style={text}>{dateTimeFormat(t, { format: 'HH:mm', timeZone: 'utc' })}</text>)}
      {Array.from({ length: 100 }, (_, i) => <rect key={i} x={left + i * 2} y={height - 14} width={2} height={8} fill={schemes[options.color.scheme](Math.pow(i / 99, options.color.exponent))} />)}
      <text x={left - 6} y={height - 6} textAnchor="end" style={text}>0</text>
      <text x={left + 206} y={height - 6} style={text}>{`${most} sessions`}</text>
    </svg>
  );
}
