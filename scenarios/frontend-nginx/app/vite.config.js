import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { Menu } from "./src/menu.jsx";

// The page is readable before its script runs: the build renders it into index.html.
const prerender = {
  name: "prerender",
  transformIndexHtml: (html) => html.replace("<!--menu-->", renderToString(h(Menu))),
};

export default {
  plugins: [prerender],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    rollupOptions: {
      output: { entryFileNames: "assets/[name].js", assetFileNames: "assets/[name][extname]" },
    },
  },
  preview: { host: true, port: 80, strictPort: true },
};
