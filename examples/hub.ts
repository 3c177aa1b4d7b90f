// The hub of the other examples. Start them in any order, each in a terminal of its own.

import { EXCHANGE_SERVER, Exchange } from "netsvc";

const hub = new Exchange(EXCHANGE_SERVER);
const { port } = await hub.listen(Number(process.argv[2] ?? 11111));
console.log(`the hub listens at port ${port}`);
