// Asks for the choices of a dashboard's variables, and puts values in their
// place.
import { getFieldDisplayValuesProxy } from '@grafana/data';

import { instant } from './prometheus.js';

const written = (labels) => `{${Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(',')}}`;

async function choices(variable, url, replace, at) {
  const text = replace(variable.query.query);
  const values = text.match(/^label_values\((.*), *(\w+)\)$/);
  if (values) {
    const rows = await instant(url, `group by (${values[2]}) (${values[1]})`, at);
    return rows.map((row) => ({ value: row.metric[values[2]], text: row.metric[values[2]] }));
  }
  const regex = new RegExp(variable.regex.slice(1, -1));
  const rows = await instant(url, text.match(/^query_result\((.*)\)$/)[1], at);
  return rows.flatMap((row) => {
    const { value, text: name } = written(row.metric).match(regex)?.groups ?? {};
    return value ? [{ value, text: name ?? value }] : [];
  });
}

// Gives a variable's value: chosen names one by its name, else all, or the
// first by name where there is no all.
export async function resolve(dashboard, url, chosen, at) {
  const variables = {};
  for (const variable of dashboard.templating.list) {
    if (variable.type === 'datasource') {
      variables[variable.name] = { value: 'prometheus', text: 'Prometheus' };
    } else if (variable.type === 'textbox') {
      variables[variable.name] = { value: chosen[variable.name] ?? variable.current.value, text: chosen[variable.name] ?? variable.current.text };
    } else {
      const all = (await choices(variable, url, (text) => replace(text, variables), at)).sort((a, b) => a.text.localeCompare(b.text));
      const one = all.find((choice) => choice.text === chosen[variable.name]) ?? (variable.includeAll ? undefined : all[0]);
      const regex = `(${all.map((choice) => choice.value).join('|')})`;
      variables[variable.name] = one ?? { value: variable.allValue ?? regex, text: 'All' };
    }
  }
  return variables;
}

// What ${__data…} and ${__field…} mean in the link of a field.
function ofField({ __dataContext: context }) {
  if (!context) {
    return {};
  }
  const { frame, field, rowIndex } = context.value;
  return { __data: { fields: getFieldDisplayValuesProxy({ frame, rowIndex }) }, __field: { labels: field.labels ?? {} } };
}

// Puts values into a query, or into a link.
export function replace(text, variables, scoped = {}) {
  return text.replace(/\$\{([\w.]+)(?::(\w+))?\}|\$(\w+)/g, (whole, braced, format, bare) => {
    const name = braced ?? bare;
    const value = variables[name]?.value ?? name.split('.').reduce((v, key) => v?.[key], ofField(scoped));
    if (value === undefined || value === null) {
      return whole;
    }
    return format === 'queryparam' ? `var-${name}=${encodeURIComponent(value)}` : String(value);
  });
}
