// What Grafana does with frames between a query and a panel: transformations,
// field configuration, overrides.
import { applyFieldOverrides, cacheFieldDisplayNames, FieldConfigOptionsRegistry, standardTransformers, standardTransformersRegistry, transformDataFrame } from '@grafana/data';
import { lastValueFrom } from 'rxjs';

standardTransformersRegistry.setInit(() => ['mergeTransformer', 'organizeFieldsTransformer'].map((name) => ({
  id: standardTransformers[name].id, name, transformation: async () => standardTransformers[name],
})));

// The properties that the dashboards set.
const standard = ['displayName', 'unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const custom = [
  'width', 'align', 'cellOptions', 'minWidth', 'drawStyle', 'lineWidth', 'fillOpacity', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle',
  'lineStyle', 'lineInterpolation', 'gradientMode', 'pointSize', 'barAlignment', 'axisPlacement', 'axisLabel', 'axisSoftMax', 'hideFrom', 'scaleDistribution',
];
const property = (id, path, isCustom) => ({ id, path, name: id, isCustom, process: (value) => value, shouldApply: () => true });
const registry = new FieldConfigOptionsRegistry(() => [
  ...standard.map((name) => property(name, name, false)), ...custom.map((name) => property(`custom.${name}`, name, true)),
]);

// JSON cannot say that a scale begins below all numbers.
const thresholds = (value) => JSON.parse(JSON.stringify(value), (key, v) => (key === 'steps' ? v.map((step) => ({ ...step, value: step.value ?? -Infinity })) : v));

export async function prepare(frames, panel, theme, replaceVariables) {
  const { defaults, overrides } = thresholds(panel.fieldConfig);
  for (const id of [...Object.keys(defaults), ...Object.keys(defaults.custom ?? {}).map((name) => `custom.${name}`), ...overrides.flatMap((o) => o.properties.map((p) => p.id))]) {
    if (id !== 'custom' && !registry.getIfExists(id)) {
      throw new Error(`${panel.title}: this script does not know the property ${id}`);
    }
  }
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], frames));
  const configured = applyFieldOverrides({ data: transformed, fieldConfig: { defaults, overrides }, fieldConfigRegistry: registry, replaceVariables, theme, timeZone: 'utc' });
  cacheFieldDisplayNames(configured);
  return configured;
}
