import { Decimal } from "decimal.js";
import { z } from "zod";

const prices: Record<string, string> = { "black-tea": "4.20", "green-tea": "5.35", cup: "11.90" };

/** What a query string must hold to be an order. */
export const Order = z.object({
  item: z.string().refine((item) => item in prices, "no such item"),
  quantity: z.coerce.number().int().min(1).max(99),
  country: z.enum(["DE", "FR", "NL"]).default("DE"),
});

/** The total in euros, as a string: money is never a binary fraction. */
export function total(order: z.infer<typeof Order>): string {
  return new Decimal(prices[order.item]).times(order.quantity).toFixed(2);
}
