// Orders: checks an order and says what it costs.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";
import { Order, total } from "./order.js";

/** Tells which build of the program answers. */
const edition = "0000000000000000";

const log = pino();
const app = new Hono();

app.get("/healthz", (c) => c.text("ok\n"));

app.get("/orders/check", (c) => {
  const order = Order.safeParse(c.req.query());
  if (!order.success) return c.json({ errors: order.error.flatten().fieldErrors, edition }, 422);
  return c.json({ ...order.data, total: total(order.data), edition });
});

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port }, () => log.info({ port, edition }, "listening"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
