import { defineConfig } from 'vite';

// @grafana/ui imports the default export of a CommonJS module, which a bundler
// that keeps to the standard takes for the whole module.
const scrollbars = {
  name: 'scrollbars',
  transform: (code, id) => id.includes('CustomScrollbar')
    ? code.replace("import Scrollbars from 'react-custom-scrollbars-2'", "import { Scrollbars } from 'react-custom-scrollbars-2'")
    : null,
};

export default defineConfig({
  plugins: [scrollbars],
  logLevel: 'error',
  build: { chunkSizeWarningLimit: 100000, minify: false },
});
