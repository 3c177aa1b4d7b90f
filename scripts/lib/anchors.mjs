/**
 * The anchor of a heading, as GitHub makes it; the site makes the same.
 * @param {string} title
 */
export function anchorOf(title) {
  return title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
