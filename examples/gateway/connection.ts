import { EXCHANGE_CLIENT, Exchange } from "netsvc";
import { counted } from "./life.js";
import { DEFAULT_PORT } from "./port.js";

/** The port that this part was started with. */
export function hubPort(): number {
  return Number(process.argv[2] ?? DEFAULT_PORT);
}

/**
 * The way to the hub. Returns at once, whether the hub is there or not: the link comes up when it
 * can, and comes back after each loss.
 */
export function connectToHub(): Exchange {
  const exchange = new Exchange(EXCHANGE_CLIENT);
  let activations = 0;
  exchange.on("active", () => {
    activations += 1;
    if (activations > 1) counted.reconnects += 1;
  });
  exchange.connect("localhost", hubPort());
  return exchange;
}
