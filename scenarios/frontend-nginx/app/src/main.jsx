// In the browser: takes over the page that the build rendered.
import { hydrate } from "preact";
import { useState } from "preact/hooks";
import { Menu } from "./menu.jsx";

function App() {
  const [hotOnly, setHotOnly] = useState(false);
  return <Menu hotOnly={hotOnly} onToggle={() => setHotOnly(!hotOnly)} />;
}

hydrate(<App />, document.getElementById("menu"));
