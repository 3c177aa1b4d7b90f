/**
 * A package of bench/package.json, whose types are not checked: linting must not need it.
 * @param {string} name
 * @returns {Promise<any>}
 */
export const loadPackage = (name) => import(name);
