// Where to listen, as users write it; as crates/netsvc-hub/src/address.rs.

/** A place to listen. Without `host`: both loopback addresses. */
export type Place = TcpPlace | { readonly path: string };

interface TcpPlace {
  readonly port: number;
  readonly host?: string;
  /** Keeps clients of the same machine on TCP, too. */
  readonly tcpOnly?: true;
}

/** Asks for that. */
const TCP_ONLY = "tcp://";

/**
 * `host:port`, `[IPv6 address]:port`, or a port alone; after `tcp://` without the Unix sockets beside
 * loopback addresses. Throws an Error for people.
 */
export function parseAddress(text: string): TcpPlace {
  const wrong = (why: string) => new Error(`"${text}" ${why}`);
  const tcpOnly = text.startsWith(TCP_ONLY) ? ({ tcpOnly: true } as const) : {};
  const place = text.slice("tcpOnly" in tcpOnly ? TCP_ONLY.length : 0);
  const colon = place.lastIndexOf(":");
  const digits = place.slice(colon + 1);
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port > 65_535) {
    throw wrong("does not end in a port from 0 to 65535, as in 127.0.0.1:11111");
  }
  if (colon < 0) return { port, ...tcpOnly };
  const host = place.slice(0, colon);
  if (host === "" || host === "*") {
    throw wrong("names no host; for all addresses write 0.0.0.0 or [::] as the host");
  }
  const bare = /^\[(.*)\]$/s.exec(host)?.[1];
  if (bare === undefined && host.includes(":")) {
    throw wrong("has an IPv6 address without brackets, as in [::1]:11111");
  }
  const name = bare ?? host;
  if (Buffer.byteLength(name) > 255 || !/^[\p{Alphabetic}\p{N}.\-_:%]+$/u.test(name)) {
    throw wrong("has a host that is neither a name nor an address");
  }
  return { host: name, port, ...tcpOnly };
}

/** As `parseAddress` takes it; a path as it is. */
export function showPlace(place: Place): string {
  if ("path" in place) return place.path;
  const { host, port, tcpOnly } = place;
  const address = host === undefined ? String(port) : showAddress(host, port);
  return tcpOnly ? `${TCP_ONLY}${address}` : address;
}

/** An address with its port, IPv6 in brackets. */
export function showAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
