import { expect, test } from "vitest";
import {
  isPlaceholder,
  publicationFaults,
  publicationOf,
  repositoryName,
  sameRepository,
} from "../../scripts/lib/publication.mjs";

const own = {
  name: "netsvc",
  version: "1.2.3",
  license: "MIT",
  description: "An exchange",
  repository: { type: "git", url: "git+https://code.example/somebody/netsvc.git" },
};

test("home page and issues follow from the repository", () => {
  expect(publicationOf(own)).toEqual({
    repository: { type: "git", url: "git+https://code.example/somebody/netsvc.git" },
    homepage: "https://code.example/somebody/netsvc#readme",
    bugs: { url: "https://code.example/somebody/netsvc/issues" },
  });
  expect(repositoryName(own)).toBe("somebody/netsvc");
});

test("a repository without an owner, or of another form, is told", () => {
  expect(isPlaceholder(own)).toBe(false);
  const url = "git+https://code.example/OWNER/netsvc.git";
  expect(isPlaceholder({ ...own, repository: { url } })).toBe(true);
  for (const wrong of ["", "somebody/netsvc", "https://code.example/somebody/netsvc"])
    expect(() => publicationOf({ ...own, repository: { url: wrong } })).toThrow("repository.url");
});

test("a package of somebody else is not taken for one's own", () => {
  expect(sameRepository(own.repository, own)).toBe(true);
  expect(sameRepository({ url: "git+https://code.example/other/netsvc.git" }, own)).toBe(false);
  expect(sameRepository(undefined, own)).toBe(false);
});

test("a packed manifest without what a release needs is refused", () => {
  const packed = { ...own, ...publicationOf(own) };
  expect(publicationFaults(packed, own)).toEqual([]);
  const other = { ...packed, version: "1.2.4", bugs: {}, description: "" };
  expect(publicationFaults(other, own)).toEqual([
    "netsvc: bugs is {}",
    'netsvc: version is "1.2.4"',
    "netsvc: it has no description",
  ]);
});
