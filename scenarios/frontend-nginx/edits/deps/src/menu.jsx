/** @jsxRuntime automatic @jsxImportSource preact */
import { clsx } from "clsx";

// Tells which build of the page this is.
export const edition = "0000000000000000";

const dishes = [
  { name: "Lentil soup", price: 6.5 },
  { name: "Dan dan noodles", price: 11, hot: true },
];

export function Menu({ hotOnly = false, onToggle }) {
  return (
    <main>
      <h1>Menu</h1>
      <button onClick={onToggle}>{hotOnly ? "All dishes" : "Only hot dishes"}</button>
      <ul>
        {dishes.filter((dish) => dish.hot || !hotOnly).map((dish) => (
          <li key={dish.name} class={clsx("dish", { hot: dish.hot })}>{dish.name}, {dish.price.toFixed(2)} €</li>
        ))}
      </ul>
      <footer>edition {edition}</footer>
    </main>
  );
}
