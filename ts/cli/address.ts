// Where to listen, as users write it; as crates/netsvc-hub/src/address.rs.

/** A place to listen. Without `host`: both loopback addresses. */
export type Place = { readonly port: number; readonly host?: string } | { readonly path: string };

/** `host:port`, `[IPv6 address]:port`, or a port alone. Throws an Error for people. */
export function parseAddress(text: string): { port: number; host?: string } {
  const wrong = (why: string) => new Error(`"${text}" ${why}`);
  const colon = text.lastIndexOf(":");
  const digits = text.slice(colon + 1);
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port > 65_535) {
    throw wrong("does not end in a port from 0 to 65535, as in 127.0.0.1:11111");
  }
  if (colon < 0) return { port };
  const host = text.slice(0, colon);
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
  return { host: name, port };
}

/** As `parseAddress` takes it; a path as it is. */
export function showPlace(place: Place): string {
  if ("path" in place) return place.path;
  if (place.host === undefined) return String(place.port);
  return showAddress(place.host, place.port);
}

/** An address with its port, IPv6 in brackets. */
export function showAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
